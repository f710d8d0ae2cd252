"""What the installation puts where `mim`, torch and the shell look for it."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

QUICK = (
    "train_dataloader.batch_size=16",
    "train_cfg.max_epochs=1",
    "train_cfg.val_interval=1",
    "model.backbone.width=0.25",
)


def mim(*arguments: str, cwd: Path, **environment: str) -> str:
    """Output of the `mim` command, in a folder that is not the source tree."""
    done = subprocess.run(
        [Path(sys.executable).with_name("mim"), *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_entry_points():
    (script,) = [
        point for point in entry_points(group="console_scripts") if point.name == "tricklift"
    ]
    assert script.value == "tricklift.cli:main"
    (hook,) = [point for point in entry_points(group="torch.backends") if point.name == "tricklift"]
    assert hook.load()() is None


def test_scripts_are_where_mim_looks():
    from mim.utils import get_installed_path, is_installed

    assert is_installed("tricklift")
    tools = Path(get_installed_path("tricklift")) / ".mim" / "tools"
    assert sorted(file.name for file in tools.glob("*.py")) == ["test.py", "train.py"]


@pytest.mark.parametrize("name", ["train.py", "test.py"])
def test_scripts_explain_themselves_as_mim_asks(name, tmp_path):
    tools = distribution("tricklift").locate_file("tricklift/.mim/tools")
    done = subprocess.run(
        [sys.executable, str(Path(str(tools)) / name), "-h"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for option in ("--work-dir", "--cfg-options", "--launcher", "--local_rank"):
        assert option in done.stdout
    assert "--gpus" not in done.stdout  # mim would take it for OpenMMLab 1.0


def test_mim_train_and_mim_test_from_any_folder(tiny_root, tmp_path, repo):
    config = str(repo / "configs" / "cls" / "mini" / "resnet18_b-baseline.py")
    root = {"TRICKLIFT_ROOT": str(tiny_root)}
    options = ("--cfg-options", *QUICK)
    mim("train", "tricklift", config, "--work-dir", "w", *options, cwd=tmp_path, **root)
    assert '"status": "done"' in (tmp_path / "w" / "result.json").read_text()
    arguments = ("--checkpoint", "w/epoch_1.pth", "--work-dir", "t", *options)
    out = mim("test", "tricklift", config, *arguments, cwd=tmp_path, **root)
    assert "accuracy/top1" in out


def test_a_wheel_carries_scripts_configs_and_data(repo, tmp_path):
    build = "import sys, hatchling.build; print(hatchling.build.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=repo, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("tricklift-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for wanted in (
        "tricklift/.mim/tools/train.py",
        "tricklift/.mim/tools/test.py",
        "tricklift/.mim/configs/cls/mini/resnet18_b-baseline.py",
        "tricklift/.mim/configs/_base_/models/seg_fcn.py",
        "tricklift/paper/numbers.json",
        "backbones/resnet.py",
        "cls/model.py",
        "det/model.py",
        "seg/model.py",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests", "configs"))]


def test_an_installed_wheel_finds_its_configs(repo, tmp_path):
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=repo, check=True, timeout=120,
                   capture_output=True)  # fmt: skip
    (wheel,) = tmp_path.glob("tricklift-*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tricklift", "config", "path", "det/mini/faster_rcnn_fpn"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    expected = site / "tricklift" / ".mim" / "configs" / "det" / "mini" / "faster_rcnn_fpn.py"
    assert done.stdout.strip() == str(expected)
