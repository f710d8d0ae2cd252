"""The pages of reference are what the code says now."""

import re
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


def test_every_message_says_what_to_do(repo: Path):
    """A remedy that is a constant, a variable or a function of the code stands there in words."""
    page = (repo / "docs/troubleshooting.md").read_text()
    part = page.partition("<!-- messages: begin -->")[2]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if " | " in line]
    told = [cells[-1] for cells in rows]
    assert len(told) > 350 and not [text for text in told if re.fullmatch(r"\*[^*]*\*", text)]
    assert told.count("(said in the message)") < 70
    for words in (
        "log in with 'hf auth login'",  # a constant
        "validate the run again ('tricklift test')",  # a variable
        "start the command with mpirun",  # an entry of a table
        "set train\\_dataloader.batch\\_size to 2 or more",  # what a function gives
        "Export it to safetensors where it was made",  # a sentence of its own
    ):
        assert any(words in text for text in told), words


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
