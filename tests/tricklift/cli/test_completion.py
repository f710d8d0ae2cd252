"""What a shell completes, asked as bash asks; and how long that takes."""

import os
import resource
import subprocess
import sys

import pytest

import backbones
from tricklift.cli import completion
from tricklift.configs import short_names
from tricklift.data.prepare import NAMES
from tricklift.suite import tier_file
from tricklift.tricks.names import GROUPS, known


def asked(line: str, cwd: str | os.PathLike = ".") -> list[str]:
    """The words for the end of a line."""
    environment = {
        **os.environ,
        "_TRICKLIFT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - (not line.endswith(" "))),
    }
    command = [sys.executable, "-c", "from tricklift.cli import main; main()"]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tricklift train ", short_names()),
        ("tricklift config show ", short_names()),
        ("tricklift run ", [*tier_file.names(), "own"]),
        ("tricklift prepare ", list(NAMES)),
        ("tricklift train x --tricks ", [*known(), *GROUPS]),
        ("tricklift train x --tricks ema,co", ["ema,cosine"]),
        ("tricklift run mini --log-to mlflow,wa", ["mlflow,wandb"]),
        ("tricklift run mini --engine ", ["local", "slurm"]),
        ("tricklift export x y --format o", ["onnx"]),
        ("tricklift compare x --format ", ["md", "csv", "differences-csv", "json"]),
        ("tricklift compare x --pairs ", ["ladder", "all", "baseline"]),
        ("tricklift compare x --by ", ["row", "backbone"]),
        ("tricklift report x --variance ", ["pooled", "own"]),
        ("tricklift compare x --reference ", ["demo", "small"]),
        ("tricklift run mini --rows random", ["random-init"]),
        ("tricklift plan full --heads c4,fc", ["c4,fcn"]),
        ("tricklift run no-such-tier --rows ", []),
        ("tricklift paper rows --tables 8,", [f"8,{n}" for n in range(2, 10)]),
        ("tricklift pl", ["plan"]),
    ],
)
def test_names_complete(line, expected):
    assert asked(line) == expected


def test_backbones_complete_and_are_all_of_the_registry():
    """The file is written by the command in CONTRIBUTING.md, "Add a backbone"."""
    assert completion.BACKBONES.read_text().split() == backbones.names()
    found = [name for name in backbones.names() if name.startswith("hardnet")]
    assert asked("tricklift train x --backbone hard") == found
    assert asked("tricklift run mini --backbones rednet26,hard") == [
        f"rednet26,{name}" for name in found
    ]


def test_files_of_the_users_own_complete(tmp_path):
    for name in ("heavier.py", "mine.yaml", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    assert asked("tricklift train x --tricks ema,hea", tmp_path) == ["ema,heavier.py"]
    assert asked("tricklift run mine", tmp_path) == ["mine.yaml"]
    assert asked("tricklift train mor", tmp_path) == ["more/"]


def test_completing_takes_under_0_4_seconds():
    """Processor time of the child; torch alone takes two seconds."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        asked("tricklift train x --tricks ")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(sum(after[:2]) - sum(before[:2]))
    assert min(seconds) < 0.4, seconds
