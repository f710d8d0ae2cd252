"""What docs/your-backbone.md and docs/your-trick.md tell, done for real: tiny data, a few steps."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import earlier_runs
import pytest
import torch
import torchvision

from backbones import registry
from tricklift.cli import main
from tricklift.compat import imports
from tricklift.suite.jobs import Training

BASELINE = "cls/mini/resnet18_b-baseline"
FEW = (
    *(
        f"{s}_dataloader.{k}"
        for s in ("train", "val")
        for k in ("num_workers=0", "persistent_workers=False")
    ),
    "train_dataloader.batch_size=4",
    "+val_dataloader.dataset.indices=4",
    "train_cfg.val_interval=1",
)
EPOCH = (*FEW, "+train_dataloader.dataset.indices=8", "train_cfg.max_epochs=1")
STEPS = (*FEW, "train_cfg.max_iters=2", "default_hooks.checkpoint.interval=2")


@pytest.fixture
def forget(monkeypatch) -> Iterator[Callable[[], None]]:
    """Call it for a process that has imported nothing of the user's."""
    before = dict(registry._REGISTRY), dict(registry._OWN), set(sys.modules), list(sys.path)
    monkeypatch.setattr(imports, "_given", {})

    def now() -> None:
        for kept, table in zip(before, (registry._REGISTRY, registry._OWN), strict=False):
            table.clear()
            table.update(kept)
        for name in set(sys.modules) - before[2]:
            if "pytest" in str(getattr(sys.modules[name], "__file__", "")):  # below tmp_path
                del sys.modules[name]
        sys.path[:] = before[3]
        imports._given.clear()
        earlier_runs.forget()

    yield now
    now()


@pytest.fixture
def folder(tmp_path, tiny_root, monkeypatch) -> Path:
    """A folder of the user's own, which is the current one."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments: list[str], code: int = 0) -> None:
    """The command `tricklift` in this process."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code


def result_of(work_dir: str) -> dict:
    return json.loads(Path(work_dir, "result.json").read_text())


def log_of(work_dir: str) -> str:
    return "".join(file.read_text() for file in Path(work_dir).glob("*/*.log"))


def test_a_backbone_of_ones_own_from_the_template_to_a_detector(folder, forget, capsys):
    run(["new", "backbone", "mynet"])
    assert {"mynet.py", "test_mynet.py"} == {file.name for file in folder.iterdir()}
    run(
        [
            "train",
            BASELINE,
            "--backbone",
            "mynet",
            "--import",
            "mynet.py",
            "--out",
            "c",
            "--cfg-options",
            *EPOCH,
        ]
    )
    result = result_of("c")
    file = str(folder / "mynet.py")
    assert (result["status"], result["backbone"]) == ("done", "mynet")
    assert [entry["name"] for entry in result["imports"]] == [file]

    forget()  # the folder might be a stranger's: export names the code, and imports none
    run(["export", "c/epoch_1.pth", "my.safetensors"], code=2)
    assert f"--import {file}" in capsys.readouterr().err
    run(["export", "c/epoch_1.pth", "my.safetensors", "--import", "mynet.py"])
    assert "done: my.safetensors (mynet)" in capsys.readouterr().out

    forget()
    detector = ["det/mini/faster_rcnn_c4", "--backbone", "mynet", "--pretrained", "my.safetensors"]
    run(["train", *detector, "--out", "d", "--cfg-options", *EPOCH], code=2)
    assert "unknown backbone 'mynet'" in (said := capsys.readouterr().err) and "--import" in said
    run(["train", *detector, "--import", "mynet", "--out", "d", "--cfg-options", *EPOCH])
    assert result_of("d")["pretrained"]["architecture"] == "mynet"
    assert "same before and after" not in log_of("d")
    assert "loaded from my.safetensors" in log_of("d")

    forget()  # the run's own config knows it
    run(["test", "d/faster_rcnn_c4.py", "d/epoch_1.pth", "--out", "t"])
    assert "pascal_voc/mAP" in capsys.readouterr().out
    forget()
    run(["train", "d/faster_rcnn_c4.py", "--out", "d", "--resume"])
    assert "Load checkpoint from" in log_of("d") or "resumed" in log_of("d")

    own = (file,)
    job = Training("cls/x/seed0", BASELINE, folder / "j", 0, backbone="mynet", imports=own)
    assert job.command(False)[-2:] == ["--import", file]
    assert job.resolved()["imports"] == [file]


def test_a_segmenter_on_a_network_of_timms_by_features_only(folder, forget):
    Path("nets.py").write_text(
        "import timm\nfrom backbones import register_backbone\n"
        "register_backbone('listed', lambda: timm.create_model('resnet10t', features_only=True))\n"
    )
    options = (*STEPS, "model.backbone.output_stride=32")
    run(
        [
            "train",
            "seg/mini/fcn",
            "--backbone",
            "listed",
            "--import",
            "nets.py",
            "--pretrained",
            "none",
            "--out",
            "s",
            "--cfg-options",
            *options,
        ]
    )
    assert result_of("s")["status"] == "done"


def test_a_trick_of_ones_own_with_a_hook_in_all_tasks(folder, forget, capsys):
    """From the template; then one that changes model, data, schedule and hooks."""
    run(["new", "trick", "heavier"])
    run(
        [
            "train",
            BASELINE,
            "--tricks",
            "heavier.py,cosine",
            "--out",
            "c",
            "--cfg-options",
            *EPOCH,
        ]
    )
    assert result_of("c")["row"] == "B-baseline + heavier + cosine"
    Path("my_hook.py").write_text(
        "from mmengine.hooks import Hook\nfrom mmengine.registry import HOOKS\n"
        "@HOOKS.register_module()\n"
        "class MyHook(Hook):\n"
        "    def after_train(self, runner):\n"
        "        runner.logger.info('my hook was here')\n"
    )
    Path("all_of_it.py").write_text(
        '"""Changes all."""\nfrom pathlib import Path as _Path\n'
        "model = dict(backbone=dict(init='kaiming'))\n"
        "train_dataloader = dict(batch_size=2)\n"
        "optim_wrapper = dict(optimizer=dict(lr=1e-4))\n"
        "custom_hooks = [*base.get('custom_hooks', []), dict(type='MyHook')]\n"
        "imports = [str(_Path(__file__).with_name('my_hook.py'))]\n"
    )
    small = ("model.backbone.width=0.25",)
    for leaf, options in (("det/mini/faster_rcnn_fpn", EPOCH), ("seg/mini/fcn", STEPS)):
        earlier_runs.forget()  # what the file registers stays registered
        work_dir = leaf[:3]
        options = tuple(o for o in options if "batch_size" not in o)
        run(
            [
                "train",
                leaf,
                "--tricks",
                "all_of_it.py",
                "--pretrained",
                "none",
                "--out",
                work_dir,
                "--cfg-options",
                *options,
                *small,
            ]
        )
        result = result_of(work_dir)
        assert (result["status"], result["tricks"]) == ("done", ["all_of_it"])
        assert result["row"] == "random init + all_of_it"
        assert "my hook was here" in log_of(work_dir)
    job = Training("det/x/seed0", leaf, folder, 0, tricks=(str(folder / "all_of_it.py"),))
    assert f"--tricks {folder / 'all_of_it.py'}" in " ".join(job.command(False))


def test_somebody_elses_checkpoint_in_a_detector(folder, forget, capsys):
    """EMA beside raw weights, in a DDP run of torchvision's references."""
    state = {
        f"module.{k}": v for k, v in torchvision.models.resnet18(num_classes=7).state_dict().items()
    }
    averaged = {
        key: value / 2 if value.is_floating_point() else value for key, value in state.items()
    }
    torch.save({"model": state, "model_ema": averaged, "epoch": 3}, "theirs.pth.tar")
    train = ["train", "det/mini/faster_rcnn_fpn", "--backbone", "resnet18_b", "--pretrained"]
    train += ["theirs.pth.tar", "--out", "d"]
    options = ["--cfg-options", *EPOCH, "model.backbone.width=1", "optim_wrapper.optimizer.lr=1e-9"]
    run([*train, *options], code=2)
    assert "holds 2 sets of these weights: model.module, model_ema" in capsys.readouterr().err
    forget()
    run([*train, "--weights-from", "model_ema", *options])
    said = capsys.readouterr()
    assert "took model_ema behind 'module.'" in said.out + said.err
    read = result_of("d")["pretrained"]["read"]
    assert (read["container"], read["prefix"]) == ("model_ema", "module.")
    assert read["head"] == ["fc.weight", "fc.bias"]
    assert read["not_taken"] == ["model.module"] and read["beside"] == ["epoch"]
    kept = torch.load("d/epoch_1.pth", weights_only=False)["state_dict"]
    given = averaged["module.layer4.0.conv1.weight"]
    torch.testing.assert_close(
        kept["backbone.net.stages.3.0.conv1.weight"], given, rtol=1e-3, atol=1e-5
    )
    assert "same before and after" not in log_of("d")


@pytest.mark.slow
def test_all_of_it_from_an_installed_wheel(repo, tmp_path, tiny_root):
    """In a folder of the user's own, with folders there that have the names of our packages."""
    build = "import sys, hatchling.build; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=repo, check=True, timeout=120,
                   capture_output=True)  # fmt: skip
    (wheel,) = tmp_path.glob("tricklift-*.whl")
    site, mine = tmp_path / "site", tmp_path / "mine"
    zipfile.ZipFile(wheel).extractall(site)
    for name in ("seg", "backbones"):
        (mine / name).mkdir(parents=True)
        (mine / name / "__init__.py").touch()

    def tricklift(*arguments: str, program: tuple[str, ...] = ("-m", "tricklift")) -> str:
        done = subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=mine, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(site), "TRICKLIFT_ROOT": str(tiny_root)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    assert "next: tricklift check-backbone mynet" in tricklift("new", "backbone", "mynet")
    assert "FAILED" not in tricklift("check-backbone", "mynet", "--import", "mynet.py")
    tricklift("new", "trick", "heavier")
    mynet = ("--backbone", "mynet", "--import", "mynet.py")
    given = (*mynet, "--tricks", "heavier.py", "--out", "c")
    tricklift("train", BASELINE, *given, "--cfg-options", *EPOCH)
    tricklift("export", "c/epoch_1.pth", "my.safetensors", "--import", "mynet.py")
    for leaf, options in (("det/mini/faster_rcnn_fpn", EPOCH), ("seg/mini/fcn", STEPS)):
        given = (*mynet, "--pretrained", "my.safetensors", "--out", f"r/{leaf[:3]}")
        tricklift("train", leaf, *given, "--cfg-options", *options)
    assert "mIoU" in tricklift("test", "r/seg/fcn.py", "r/seg/iter_2.pth", "--out", "t")
    assert "heavier" in tricklift("compare", ".")
    for name in ("seg", "backbones"):  # pytest puts this folder first, and we would name them
        shutil.rmtree(mine / name)
    assert " passed" in tricklift(
        "-q", "test_mynet.py", "test_heavier.py", program=("-m", "pytest")
    )
