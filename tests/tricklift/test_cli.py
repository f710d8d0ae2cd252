"""The command line: what it prints, and how it ends."""

import json
import subprocess
import sys

import pytest

import backbones
from backbones.files import save
from tricklift import __version__
from tricklift.cli import listing, main
from tricklift.cli.training import spread


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_help_teaches(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for word in ("demo", "prepare", "run", "compare", "train", "test", "export", "list"):
        assert f"\n  {word} " in out
    assert "tricklift train det/mini/faster_rcnn_fpn --backbone resnet18_d --pretrained" in out
    assert "TRICKLIFT_ROOT" in out


def test_version(capsys):
    assert run(capsys, "--version")[:2] == (0, f"tricklift {__version__}\n")


@pytest.mark.slow
def test_backbones_as_json_and_as_a_table(capsys):
    code, out, _ = run(capsys, "list", "backbones", "--json")
    assert code == 0
    entries = {entry["name"]: entry for entry in json.loads(out)}
    keys = {"name", "params", "macs", "input_size", "channels", "strides", "paper", "source"}
    assert all(keys <= set(entry) for entry in entries.values())
    assert entries["resnet50_d"]["params"] == 25_576_264
    assert entries["resnet50_d"]["strides"] == [4, 8, 16, 32]
    assert list(entries) == backbones.names()
    listing._print_backbones(list(entries.values())[:3])
    assert next(iter(entries)) in capsys.readouterr().out


def test_an_export_to_mmdet_in_a_process_of_its_own(tmp_path):
    """Nothing but the command itself makes mmcv.ops importable there."""
    source, out = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    metadata = {"architecture": "resnet18_b", "options": json.dumps({"width": 0.25})}
    state = backbones.build("resnet18_b", width=0.25).state_dict()
    save(source, state, {**metadata, "num_classes": "1000"})
    command = [sys.executable, "-m", "tricklift", "export", str(source), str(out)]
    command += ["--format", "mmdet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert out.is_file()


def test_tricks_are_listed_with_their_tasks(capsys):
    code, out, _ = run(capsys, "list", "tricks")
    assert code == 0
    lines = {line.split()[0]: line.split(maxsplit=2)[1:] for line in out.splitlines()}
    assert lines["mixup"][0] == "cls" and "200 epochs" in lines["mixup"][1]
    assert lines["ema"][0] == "cls/det/seg"


def test_config_prints_a_path_or_all_names(capsys):
    code, out, _ = run(capsys, "config", "path", "seg/mini/fcn")
    assert (code, out.strip().endswith("configs/seg/mini/fcn.py")) == (0, True)
    code, out, _ = run(capsys, "list", "configs")
    assert "cls/mini/resnet18_b-baseline" in out.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "cls/mini/resnet18_b-basline"], "did you mean 'cls/mini/resnet18_b-baseline'?"),
        (
            ["train", "cls/mini/resnet18_b-baseline", "--cfg-options", "modl.x=1"],
            "did you mean 'mod",
        ),
        (["train", "cls/mini/resnet18_b-baseline", "--cfg-options", "model"], "takes KEY=VALUE"),
        (["train", "det/mini/faster_rcnn_fpn", "--pretrained", "x.pth"], "no file 'x.pth'"),
        (["test", "seg/mini/fcn", "gone.pth"], "no file 'gone.pth'; give a .pth file"),
        (["export", "gone.pth", "x.safetensors"], "gone.pth"),
        (
            ["export", "gone.pth", "x.safetensors", "--format", "timn"],
            "--format takes tricklift, torchvision, timm, mmdet or onnx, got 'timn'; did you mean",
        ),
        (["prepare", "cifar"], "did you mean 'cifar10'?"),
        (
            ["run", "tiny", "--out", "x"],
            "unknown tier 'tiny'; known: cifar10, demo, full, mini, small, smoke",
        ),
        (["run", "mini", "--out", "x", "--seeds", "a"], "--seeds takes different whole numbers"),
        (["run", "mini", "--out", "x", "--seeds", "1,1"], "got '1,1': 1 is there twice"),
        (
            ["run", "mini", "--out", "x", "--root", "y"],
            "run 'tricklift prepare miniworld --root y'",
        ),
        (["plan", "full", "--out", "x", "--tables", "12"], "no table '12'; there are 2, "),
        (["plan", "mini", "--out", "x", "--only", "cls/x"], "--only: no job 'cls/x' here"),
        (["plan", "mine.yaml", "--out", "x"], "no tier file 'mine.yaml'"),
        (["compare", "gone"], "no folder gone; give one in which runs left result.json"),
    ],
)
def test_a_mistake_ends_with_one_line_and_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path))
    code, _, err = run(capsys, *arguments)
    assert code == 2
    lines = err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir()), "something was left behind"


def test_usage_errors_have_code_2_and_a_hint(capsys):
    code, _, err = run(capsys, "trian")
    assert code == 2
    assert "No such command 'trian'; did you mean 'tricklift train'?" in err
    assert run(capsys, "train")[0] == 2
    code, _, err = run(capsys, "run", "mini", "--out", __file__)
    assert code == 2 and err.startswith("error: --out: ") and "is a file" in err


def test_openmmlab_habits_are_understood():
    given = ["train", "c", "--cfg-options", "a=1", "b=[x,y]", "--resume", "--seed", "1"]
    assert spread(given) == [
        "train", "c", "--cfg-options", "a=1", "--cfg-options", "b=[x,y]", "--resume", "auto",
        "--seed", "1",
    ]  # fmt: skip
    assert spread(["--resume", "x/epoch_1.pth"]) == ["--resume", "x/epoch_1.pth"]
    assert spread(["train", "--resume"]) == ["train", "--resume", "auto"]
    assert spread(["--cfg-options", "word"]) == ["--cfg-options", "word"]


def test_python_m_tricklift(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tricklift", "compare", "gone"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: no folder gone")
