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
