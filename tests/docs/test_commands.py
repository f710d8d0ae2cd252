"""Every command that a page shows is one that the tool has, and is run, or says why not.

A line of HTML above each block says what is done with it: `run` (here), `run by FILE` (there, for
real), or `not run: WHY`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tricklift import cli

REPO = Path(__file__).parents[2]
#: Pages that are written by commands show what was once typed.
WRITTEN = ("reference", "results", "write")
PAGES = [
    page.relative_to(REPO)
    for page in (REPO / "README.md", *sorted((REPO / "docs").rglob("*.md")))
    if not set(WRITTEN) & set(page.relative_to(REPO).parts)
]
PACKAGES = ("backbones", "cls", "det", "seg", "tricklift", "configs", "benchmarks")
BLOCK = re.compile(r"^(?:<!-- (.*?) -->\n)?```bash\n(.*?)^```", re.S | re.M)


def blocks(page: Path) -> list[tuple[str, list[str]]]:
    """What is said of each block of commands of a page, and its lines."""
    found = BLOCK.findall((REPO / page).read_text(encoding="utf-8"))
    return [(said, body.replace("\\\n", " ").splitlines()) for said, body in found]


def tricklift_commands(lines: list[str]) -> list[list[str]]:
    """Arguments of each `tricklift` of a block, those inside of `$( )` too."""
    found = []
    for line in lines:
        inner = re.findall(r"\$\((tricklift [^)]*)\)", line)
        outer = re.sub(r"\$\([^)]*\)", "GIVEN", line)
        for text in (*inner, *([outer] if outer.startswith("tricklift ") else [])):
            found.append(shlex.split(text, comments=True)[1:])
    return found


def parsed(words: list[str]) -> list[str]:
    """Reads a command's arguments as the command line does, without running it; its names."""
    command, context, path = typer.main.get_command(cli.app), None, []
    words = list(cli.training.spread(words))
    name = "tricklift"
    while True:
        path.append(name)
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "commands"):
            return path
        name, command, words = command.resolve_command(
            context, context._protected_args + context.args
        )


ALL = [(page, said, lines) for page in PAGES for said, lines in blocks(page)]
NAMES = [f"{page}:{lines[0][:40]}" for page, _, lines in ALL]


def test_there_are_blocks():
    assert len(ALL) > 15
    assert len({page for page, _, _ in ALL}) > 6


@pytest.mark.parametrize(("page", "said", "lines"), ALL, ids=NAMES)
def test_a_block_says_where_it_is_run(page: Path, said: str, lines: list[str]):
    assert said, f"{page}: a line <!-- run -->, <!-- run by FILE --> or <!-- not run: WHY -->"
    if said.startswith("run by "):
        test = REPO / said.removeprefix("run by ")
        assert test.is_file(), test
    else:
        assert said == "run" or re.match(r"not run: \w+", said)


@pytest.mark.parametrize(("page", "said", "lines"), ALL, ids=NAMES)
def test_its_commands_are_ones_that_there_are(page: Path, said: str, lines: list[str]):
    for words in tricklift_commands(lines):
        if not words[0].startswith("--"):
            assert len(parsed(words)) > 1


def test_a_word_that_there_is_not_would_be_found():
    with pytest.raises(Exception, match="rwos"):
        parsed(["run", "mini", "--out", "x", "--rwos", "a"])


#: What a text calls a command: in quotes, backticks, behind `$`, or at the beginning of its line.
WORDS = re.compile(
    r"(?:(?<![\w/])[`'\"]|\$ |\$\(|^ *)tricklift ([a-z][\w-]*)(?: ([a-z][\w-]*))?", re.M
)
OVER_LINES = re.compile(r"[\"']\n\s*f?[\"']")  # a text that is put together of several
TEXTS = [
    *(file for package in PACKAGES for file in sorted((REPO / package).rglob("*.py"))),
    *sorted((REPO / "configs").rglob("*.yaml")),
    *sorted((REPO / "tricklift").rglob("*.txt")),
    *(REPO / page for page in (*PAGES, "CONTRIBUTING.md", "SECURITY.md")),
]


def no_commands(text: str) -> list[str]:
    """What a text calls a command of ours, and is none."""
    commands = typer.main.get_command(cli.app).commands
    found = WORDS.findall(OVER_LINES.sub("", text))
    return [
        f"{word} {second}".strip()
        for word, second in found
        if word not in commands
        or (second and second not in getattr(commands[word], "commands", [second]))
    ]


def test_messages_and_pages_name_commands_that_there_are():
    assert no_commands("see `tricklift rows` and 'tricklift paper tables'") == [
        "rows",
        "paper tables",
    ]
    wrong = {str(f): bad for f in TEXTS if (bad := no_commands(f.read_text(encoding="utf-8")))}
    assert not wrong


@pytest.mark.parametrize(
    "lines", [lines for _, said, lines in ALL if said == "run"], ids=lambda lines: lines[0][:30]
)
def test_what_is_to_be_run_here_runs(tmp_path: Path, lines: list[str]):
    """In an empty folder and home, beside the folder that the demo leaves."""
    shutil.copytree(REPO / "docs" / "results" / "demo", tmp_path / "demo" / "runs")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": programs, "SHELL": "/bin/bash"}
    script = "\n".join(["set -e", *lines])
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
