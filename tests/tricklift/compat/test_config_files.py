"""Configs of one's own on ours: inherited by name, and our imports beside the user's."""

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from tricklift import configs
from tricklift.compat import config_files

NAMES = [name for name in configs.short_names() if "/mini/" in name or "/own/" in name]


@pytest.fixture(autouse=True)
def installed():
    config_files.install()


def write(folder: Path, text: str) -> Path:
    file = folder / "own.py"
    file.write_text(text)
    return file


def read(file: Path) -> Config:
    return Config.fromfile(file, import_custom_modules=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["", ".py"])
def test_a_config_inherits_ours_by_name(tmp_path, name, suffix):
    own = read(write(tmp_path, f'_base_ = "tricklift::{name}{suffix}"\nx = 1\n')).to_dict()
    assert own.pop("x") == 1
    assert own == read(configs.find_config(name)).to_dict()


def test_several_bases_some_of_them_ours(tmp_path):
    (tmp_path / "more.py").write_text("y = 2\n")
    cfg = read(write(tmp_path, '_base_ = ["tricklift::seg/mini/fcn.py", "more.py"]\n'))
    assert (cfg.y, cfg.model.type) == (2, "TrickEncoderDecoder")
    stock = read(write(tmp_path, '_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"\n'))
    assert stock.model.type == "FasterRCNN"


def test_an_unknown_name_says_the_closest(tmp_path):
    file = write(tmp_path, '_base_ = "tricklift::det/mini/faster_rcn_fpn.py"\n')
    with pytest.raises(
        ValueError, match=r"own.py: _base_ 'tricklift::.*did you mean 'det/mini/fas"
    ):
        read(file)


@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_own_imports_do_not_take_ours_away(tmp_path, task):
    name = {"cls": "cls/mini/resnet18_d-tricks", "det": "det/own/faster_rcnn_fpn"}.get(
        task, "seg/mini/fcn"
    )
    text = f'_base_ = "tricklift::{name}.py"\ncustom_imports = dict(imports=%s)\n'
    for given, found in (("['mine']", [task, "mine"]), ("'mine'", [task, "mine"])):
        assert read(write(tmp_path, text % given)).custom_imports.imports == found
    both = f"['mine', '{task}']"
    assert read(write(tmp_path, text % both)).custom_imports.imports == ["mine", task]
    gone = read(write(tmp_path, text % "['mine'], _delete_=True"))
    assert gone.custom_imports.imports in (["mine"], [task, "mine"])


def test_imports_of_others_are_replaced_as_mmengine_does(tmp_path):
    (tmp_path / "base.py").write_text("custom_imports = dict(imports=['theirs'])\n")
    text = "_base_ = 'base.py'\ncustom_imports = dict(imports=['mine'])\n"
    assert read(write(tmp_path, text)).custom_imports.imports == ["mine"]


def test_a_script_of_mim_has_both_before_it_reads_a_config(tmp_path):
    """As mim starts it: torch is imported by mmengine, which is being imported itself."""
    tools = tmp_path / "pkg" / ".mim" / "tools"
    tools.mkdir(parents=True)
    (tools / "train.py").write_text(
        "from mmengine.config import Config, DictAction\n"
        "from mmengine.registry import RUNNERS\n"
        "from mmengine.runner import Runner\n"
        "cfg = Config.fromfile('own.py', import_custom_modules=False)\n"
        "print(cfg.model.type, *cfg.custom_imports.imports)\n"
    )
    base = '_base_ = "tricklift::det/mini/faster_rcnn_fpn.py"\n'
    write(tmp_path, f"{base}custom_imports = dict(imports=['mine'])\n")
    done = subprocess.run(
        [sys.executable, str(tools / "train.py")],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == ["TrickFasterRCNN", "det", "mine"], done.stderr
