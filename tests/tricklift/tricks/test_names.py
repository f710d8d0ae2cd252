"""Names of tricks and groups."""

from pathlib import Path

import pytest
from laid import FULL
from mmengine.config import Config

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import described, known, lay, load
from tricklift.tricks.names import GROUPS, tasks_in


def test_every_trick_has_its_piece_and_its_place(repo: Path):
    files = {file.stem for file in (repo / "configs" / "_base_" / "tricks").glob("*.py")}
    assert files == set(known())


def test_unknown_trick(baseline: Config):
    with pytest.raises(ValueError, match=r"unknown trick 'mixpu'; known: .*; did you mean 'mixup'"):
        lay(baseline.to_dict(), ["mixpu"])


def test_same_trick_twice(baseline: Config):
    with pytest.raises(ValueError, match="trick 'mixup' is named 2 times"):
        lay(baseline.to_dict(), ["mixup", "cosine", "mixup"])


def test_a_group_stands_for_its_members(repo: Path, baseline: Config):
    members = GROUPS["efficient"]
    assert set(members) <= set(known()) and "efficient" not in known()
    base = baseline.to_dict()
    assert lay(base, ["resnet_d", "efficient"]) == lay(base, ["resnet_d", *members])
    cfg = load(repo / FULL, ["cosine", "efficient"])
    assert cfg.tricks == sorted((*members, "cosine"), key=known().index)
    assert cfg.row == "B-standard + efficient + cosine"
    last = described()[-1]
    assert last[:2] == ("efficient", ("cls",)) and "All of linear_scaling, warmup" in last[2]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["efficient", "warmup"], r"trick 'warmup' \(group 'efficient' has it\) is named 2 times"),
        (["eficient"], r"unknown trick 'eficient'; known: .*, efficient; did you mean 'efficient'"),
    ],
)
def test_a_group_that_cannot_be(baseline: Config, names, message):
    with pytest.raises(ValueError, match=message):
        lay(baseline.to_dict(), names)


def test_a_group_whose_member_is_on_already(repo: Path):
    want = r"trick 'linear_scaling' \(group 'efficient' has it\) is on already: the config has res"
    with pytest.raises(ValueError, match=want):
        load(repo / "configs" / "cls" / "full" / "resnet50_d-cosine.py", ["efficient"])


def test_a_trick_says_which_tasks_it_is_for(repo: Path):
    folder = repo / "configs" / "_base_" / "tricks"
    assert tasks_in(folder / "mixup.py") == ("cls",)
    assert tasks_in(folder / "ema.py") == ("cls", "det", "seg")
