"""Own data (docs/your-data.md) from the folder to a result: each way in trains, a few steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tricklift
from tricklift import train as training
from tricklift.cli import main
from tricklift.own.written import config_for

QUICK = {
    f"{split}_dataloader.{key}": value
    for split in ("train", "val")
    for key, value in (("num_workers", 0), ("persistent_workers", False))
}
TRAINED = {
    "class folders": ("cls/own", "top1"),
    "Tiny ImageNet": ("cls/own", "top1"),
    "VOC": ("det/own", "voc_map"),
    "COCO, one file": ("det/own", "voc_map"),
    "COCO": ("det/own/faster_rcnn_c4", "voc_map"),
    "masks without splits": ("seg/own", "miou"),
    "Cityscapes": ("seg/own/pspnet", "miou"),
}


FAST = ("class folders", "COCO, one file", "Cityscapes")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in TRAINED],
)
def test_a_layout_trains_and_its_result_names_the_data(kept, tmp_path, name):
    leaf, metric = TRAINED[name]
    given = {"path": kept(name), "size": 64, "epochs": 1}
    file = config_for(leaf, given, tmp_path / "own", lambda text: None)
    cfg = training.build_config(file, work_dir=tmp_path / "work", options=QUICK)
    cfg.experiment_name = name
    training.train(cfg)
    result = json.loads((tmp_path / "work/result.json").read_text())
    assert (result["status"], result["tier"], result["dataset"]) == ("done", "own", "pets")
    assert result["metrics"][metric] is not None
    assert result["data"]["classes"]["count"] == (3 if leaf.startswith("seg") else 2)
    assert sum(split["images"] for split in result["data"]["splits"].values()) == 16


def run(*command, cwd, **more):
    code = Path(tricklift.__file__).parent.parent
    paths = f"{code}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **more}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_one_command_trains_on_a_folder(kept, tmp_path):
    command = (
        sys.executable,
        "-m",
        "tricklift",
        "train",
        "det/own",
        "--data",
        str(kept("XMLs beside")),
    )
    said = run(*command, "--cfg-options", "train_cfg.max_epochs=1", cwd=tmp_path)
    assert "done: work_dirs/det/own" in said and "chosen: 128 pixels" in said
    assert (tmp_path / "work_dirs/det/own/own/det.py").is_file()
    result = json.loads((tmp_path / "work_dirs/det/own/result.json").read_text())
    assert result["dataset"] == "pets"


@pytest.mark.slow
def test_mim_trains_on_a_folder_by_an_own_config_with_own_imports(kept, tmp_path):
    """OpenMMLab's own command, in a folder of the user's, on a config that inherits by name."""
    path = (sys.executable, "-m", "tricklift", "config", "path", "det/own")
    file = run(*path, "--data", str(kept("COCO")), cwd=tmp_path).strip()
    assert file == str(tmp_path / "own/det.py")
    (tmp_path / "mine.py").write_text("print('mine is imported')\n")
    (tmp_path / "more.py").write_text(
        "_base_ = ['own/det.py']\n"
        "custom_imports = dict(imports=['mine'], allow_failed_imports=False)\n"
        "train_cfg = dict(max_epochs=1, val_interval=1)\n"
        "param_scheduler = [dict(type='ConstantLR', factor=1.0)]\n"
    )
    paths = f"{Path(tricklift.__file__).parent.parent}{os.pathsep}{tmp_path}"
    mim = (
        str(Path(sys.executable).with_name("mim")),
        "train",
        "mmdet",
        "more.py",
        "--work-dir",
        "w",
        "--gpus",
        "0",
    )
    said = run(*mim, cwd=tmp_path, PYTHONPATH=paths)
    assert "mine is imported" in said and "pascal_voc/mAP" in said
    assert json.loads((tmp_path / "w/result.json").read_text())["dataset"] == "pets"


@pytest.mark.slow
def test_a_tier_of_own_data_gives_a_table(kept, tmp_path):
    """Pretraining, export, detection and segmentation, from one file; and again, at once."""
    (tmp_path / "mydata.yaml").write_text(
        json.dumps(
            {
                "name": "pets",
                "own": {
                    "cls": {"path": str(kept("class folders")), "epochs": 1},
                    "det": {"path": str(kept("VOC")), "epochs": 1},
                    "seg": {"path": str(kept("ADE20K")), "epochs": 1},
                },
            }
        )
    )
    command = (sys.executable, "-m", "tricklift", "run", "mydata.yaml", "--out", "runs")
    said = run(*command, "--rows", "B-standard,random-init", cwd=tmp_path)
    assert "tricklift compare " in said and "\n| random init |" in said
    (row,) = (line for line in said.splitlines() if line.startswith("| B-standard | resnet18_b"))
    assert "| pets |" in row
    assert sum(part.strip().replace(".", "").isdigit() for part in row.split("|")) >= 4
    again = run(*command, "--rows", "B-standard,random-init", cwd=tmp_path)
    assert "own/cls.py: kept as it is" in again and again.count("already done") == 6


def test_check_prints_a_page_or_json_alone(kept, own, capsys):
    main_exits(["check", str(kept("VOC"))], 0)
    assert "nothing that a training would refuse" in capsys.readouterr().out
    root = own("VOC")
    (root / "JPEGImages/3.webp").write_bytes(b"")
    main_exits(["check", str(root), "--json"], 1)
    held = json.loads(capsys.readouterr().out)
    assert (held["task"], held["layout"]) == ("det", "Pascal VOC")
    (wrong,) = held["splits"]["train"]["wrong"]
    assert wrong.startswith(f"{root}/JPEGImages/3.webp: cannot be read as an image")


def test_folders_for_another_tier_are_refused(tmp_path, capsys):
    for arguments, words in (
        (["run", "mini", "--det", "x"], "are for `tricklift run own`, not for 'mini'"),
        (["run", "own"], "`tricklift run own` needs data: --cls DIR, --det DIR, --seg DIR"),
        (["run", "own", "--det", "gone"], "no folder '"),
    ):
        main_exits([*arguments, "--out", str(tmp_path / "out")], 2)
        assert words in capsys.readouterr().err


def main_exits(arguments, code):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code
