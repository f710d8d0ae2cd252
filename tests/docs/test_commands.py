"""Every command that a page shows is one that the tool has, and is run, or says why not.

All are read as the command line reads them. A line of HTML above each block says what else is done
with it: `run` (here), `run by FILE` (there, for real; FILE names the page), `planned: WHY` (here,
through `tricklift plan` with the same arguments; it is not run, and WHY says why), or
`not run: WHY`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import typer

from backbones import registry
from tricklift import cli
from tricklift.compat import imports
from tricklift.templates import write

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
FENCE = re.compile(r"^```(.*?)\n(.*?)^```", re.S | re.M)
TIER = re.compile(r"^```yaml\n(name: .*?)^```", re.S | re.M)
ASSIGNED = re.compile(r"^(?:[A-Z_]+=\S* )+")


def blocks(page: Path) -> list[tuple[str, list[str]]]:
    """What is said of each block of commands of a page, and its lines."""
    found = BLOCK.findall((REPO / page).read_text(encoding="utf-8"))
    return [(said, body.replace("\\\n", " ").splitlines()) for said, body in found]


def tricklift_commands(lines: list[str]) -> list[list[str]]:
    """Arguments of each `tricklift` of a block, those inside of `$( )` too."""
    found = []
    for line in lines:
        inner = re.findall(r"\$\((tricklift [^)]*)\)", line)
        outer = ASSIGNED.sub("", re.sub(r"\$\([^)]*\)", "GIVEN", line))
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
        assert page.name in test.read_text(encoding="utf-8"), f"{test} does not name {page.name}"
    else:
        assert said == "run" or re.match(r"(not run|planned): \w+", said)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_command_of_ours_is_in_another_fence(page: Path):
    text = (REPO / page).read_text(encoding="utf-8")
    others = [body for language, body in FENCE.findall(text) if language != "bash"]
    assert not [body for body in others if tricklift_commands(body.splitlines())]


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


CODE = re.compile(r"`((?:[A-Z_]+=\S+ )?tricklift [^`\n]+)`")
#: Errors of a command that ends too early; typer has a private copy of click.
CUT_SHORT = ("MissingParameter", "BadOptionUsage", "NoArgsIsHelpError")


@pytest.mark.parametrize("page", [*PAGES, Path("CONTRIBUTING.md"), Path("SECURITY.md")], ids=str)
def test_options_in_texts_and_tables_are_ones_that_there_are(page: Path):
    """A text may leave out what a command asks for; what it gives must be right."""
    text = FENCE.sub("", (REPO / page).read_text(encoding="utf-8"))
    for words in tricklift_commands([code.replace("\\", "") for code in CODE.findall(text)]):
        given = not any(re.fullmatch(r"\*.*\*", word) for word in words)  # *name* is anything
        if given and not words[0].startswith("--"):
            try:
                parsed(words)
            except Exception as error:
                assert type(error).__name__ in CUT_SHORT, f"{words}: {error}"


@pytest.fixture
def users_folder(tmp_path: Path, monkeypatch):
    """The current folder, with no data, but with the files that pages call one's own."""
    monkeypatch.chdir(tmp_path)
    write("trick", "mine", tmp_path)
    write("backbone", "mynet", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my.safetensors").touch()
    monkeypatch.setattr(imports, "_given", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    with mock.patch.dict(registry._REGISTRY), mock.patch.dict(registry._OWN):
        yield
    sys.modules.pop("mynet", None)


@pytest.mark.parametrize(
    ("page", "lines"),
    [(page, lines) for page, said, lines in ALL if (said or "").startswith("planned: ")],
    ids=lambda given: given[0][:50] if isinstance(given, list) else str(given),
)
def test_what_takes_too_long_is_planned(page: Path, lines: list[str], users_folder):
    for words in tricklift_commands(lines):
        assert words[0] in ("run", "plan")
        if words[1].endswith(".yaml"):
            (tier,) = TIER.findall((REPO / page).read_text(encoding="utf-8"))
            Path(words[1]).write_text(tier)
        with pytest.raises(SystemExit) as ended:
            cli.main(["plan", *words[1:]])
        assert ended.value.code == 0


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
