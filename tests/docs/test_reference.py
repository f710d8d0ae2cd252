"""The pages of reference are what the code says now."""

import subprocess
import sys
from pathlib import Path


def test_pages_are_as_docs_write_makes_them(repo: Path):
    command = [sys.executable, "docs/write", "--check"]
    ran = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, f"run python docs/write\n{ran.stdout}{ran.stderr}"
    assert ran.stdout.count("as it is") >= 6


def test_every_message_has_a_place(repo: Path):
    page = (repo / "docs/troubleshooting.md").read_text()
    assert int(page.split(" messages; *name*")[0].rpartition("\n")[2]) > 350
    assert page.count("\n### ") >= 10


def test_help_becomes_titles_prose_and_blocks(repo: Path, monkeypatch):
    """A list in columns stands as it is; what is set in below a title, by itself."""
    monkeypatch.syspath_prepend(str(repo / "docs/write"))
    import commands

    listed = "Gone:  one thing,\n       more of it\nKept:  another"
    assert commands.words(f"\b\n{listed}") == f"```text\n{listed}\n```"
    shown = commands.words("What it does,\nin words.\n\n\b\nAn example:\n  tricklift demo")
    assert shown == "What it does, in words.\n\nAn example:\n\n```text\ntricklift demo\n```"
    page = (repo / "docs/reference/commands.md").read_text()
    for block in page.split("```text\n")[1::1]:
        body = block.partition("```")[0]
        assert not body.startswith("   "), body
