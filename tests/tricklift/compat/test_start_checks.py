"""Misspelt names in config files: found in a file, and in a run that another tool begins."""

import re
from pathlib import Path
from types import SimpleNamespace

import mmdet
import mmseg
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.models import SegDataPreProcessor
from mmseg.registry import TRANSFORMS

import seg  # noqa: F401
from cls.model import ImageClassifier
from tricklift.compat.start_checks import check_normalised_once, check_top_level


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


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("around", [False, True])
def test_images_that_are_normalised_twice(repo, tiny_root, tmp_path, monkeypatch, split, around):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    cfg = Config.fromfile(repo / "configs/seg/mini/fcn.py")
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    data = cfg[f"{split}_dataloader"].dataset
    again = dict(type="Normalize", mean=[123.68, 116.779, 103.939], std=[58.393, 57.12, 57.375])
    data.pipeline.insert(1, again)
    if around:
        cfg[f"{split}_dataloader"].dataset = dict(type="ConcatDataset", datasets=[data])
    cfg.work_dir = str(tmp_path)
    with pytest.raises(
        ValueError, match=rf"{split}_dataloader.* has Normalize, .*twice; take Norm"
    ):
        Runner.from_cfg(cfg).train()
    assert not list(tmp_path.glob("*.pth"))
    once = SimpleNamespace(pipeline=SimpleNamespace(transforms=[TRANSFORMS.build(again)]))
    check_normalised_once({"train": once}, SegDataPreProcessor())
    with pytest.raises(ValueError, match="normalised twice"):
        check_normalised_once(
            {"train": once}, ImageClassifier({"name": "resnet18_b"}, 2).data_preprocessor
        )


@pytest.mark.parametrize("start", ["train", "val"])
def test_a_run_that_another_tool_begins(tiny, tmp_path, start):
    tiny.answer({"accuracy/top1": 70.0})
    cfg = tiny.config(tmp_path)
    cfg["train_cgf"] = dict(by_epoch=True, max_epochs=9)
    with pytest.raises(ValueError, match="nothing reads 'train_cgf'; did you mean 'train_cfg'"):
        getattr(Runner.from_cfg(cfg), start)()
    assert not (tmp_path / "result.json").exists()
