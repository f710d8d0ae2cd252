"""Misspelt names in config files: found in a file, and in a run that another tool begins."""

import re
from pathlib import Path

import mmdet
import mmseg
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from tricklift.compat.start_checks import check_top_level


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("train_cgf", "train_cfg"),
        ("modle", "model"),
        ("custom_hook", "custom_hooks"),
        ("param_schedulers", "param_scheduler"),
        ("load_form", "load_from"),
        ("trics", "tricks"),
        ("custom_inports", "custom_imports"),
    ],
)
def test_a_misspelt_name_in_a_file_is_refused(tmp_path, name, meant):
    file = tmp_path / "mine.py"
    file.write_text(f"model = dict(type='X')\n{name} = dict(a=1)\n")
    with pytest.raises(
        ValueError, match=rf"mine.py: nothing reads '{name}'; did you mean '{meant}'"
    ):
        check_top_level(Config.fromfile(file))


def test_variables_in_a_file_are_the_users_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("data_root = 'x'\nnorm_cfg = dict()\nmax_epoch = 3\nraw = 1\n_model = 2\n")
    check_top_level(Config.fromfile(file))


def names_in(files) -> dict[str, set[str]]:
    """What the files set at their top level -> the names of the files."""
    found: dict[str, set[str]] = {}
    for file in files:
        for name in re.findall(r"^(\w+) *=", file.read_text(), re.MULTILINE):
            found.setdefault(name, set()).add(file.name)
    return found


def test_no_config_of_ours_or_of_openmmlab_is_refused(repo):
    stock = [Path(library.__file__).parent / ".mim/configs" for library in (mmdet, mmseg)]
    files = [file for folder in (repo / "configs", *stock) for file in folder.rglob("*.py")]
    assert len(files) > 1000
    found = names_in(files)
    # mmseg 1.2.2 has the very slip: `models = dict(...)`, and OHEM is never on in that config.
    assert found.pop("models") == {"bisenetv2_fcn_4xb4-ohem-160k_cityscapes-1024x1024.py"}
    check_top_level(Config(found))


@pytest.mark.parametrize("start", ["train", "val"])
def test_a_run_that_another_tool_begins(tiny, tmp_path, start):
    tiny.answer({"accuracy/top1": 70.0})
    cfg = tiny.config(tmp_path)
    cfg["train_cgf"] = dict(by_epoch=True, max_epochs=9)
    with pytest.raises(ValueError, match="nothing reads 'train_cgf'; did you mean 'train_cfg'"):
        getattr(Runner.from_cfg(cfg), start)()
    assert not (tmp_path / "result.json").exists()
