"""mmseg for real: stock configs plus one `custom_imports` line, on six images, through `mim`."""

import math
import re
from pathlib import Path

import pytest

from tricklift.compat.safe_load import load_from_disk

STOCK = "{name}/{name}_r50-d8_4xb4-80k_ade20k-512x512.py"
OPTIONS = [
    *("default_hooks.logger.interval=1", "default_hooks.checkpoint.interval=2"),
    *("model.pretrained=None", "model.backbone.depth=18", "model.data_preprocessor.size=(64,64)"),
    *("model.decode_head.in_channels=512", "model.decode_head.channels=32"),
    *("model.auxiliary_head.in_channels=256", "model.auxiliary_head.channels=32"),
    *("train_dataloader.num_workers=0", "train_dataloader.persistent_workers=False"),
    *("val_dataloader.num_workers=0", "val_dataloader.persistent_workers=False"),
    *("test_dataloader.num_workers=0", "test_dataloader.persistent_workers=False"),
    "train_dataloader.dataset.pipeline.2.scale=(96,96)",
    "train_dataloader.dataset.pipeline.2.ratio_range=(1.0,1.0)",
    "train_dataloader.dataset.pipeline.3.crop_size=(64,64)",
    "val_dataloader.dataset.pipeline.1.scale=(96,96)",
    "test_dataloader.dataset.pipeline.1.scale=(96,96)",
    "train_cfg.val_interval=2",
]


def length(iterations: int) -> list[str]:
    return [f"train_cfg.max_iters={iterations}", f"param_scheduler.0.end={iterations}"]


@pytest.fixture(scope="module")
def fcn(leaf) -> str:
    return leaf("mmseg", STOCK.format(name="fcn"))


@pytest.fixture(scope="module")
def trained(run, mim, place: Path, fcn: str) -> Path:
    """Four iterations of FCN with 4 images, and a validation after the second and the fourth."""
    command = ["train", "mmseg", fcn, "--gpus", "0", "--work-dir", "fcn"]
    run(*mim, *command, "--cfg-options", *length(4), *OPTIONS)
    return place / "fcn/iter_4.pth"


def train_losses(lines: list[dict[str, float]]) -> list[float]:
    return [line["loss"] for line in lines if "loss" in line]


def test_mim_train(trained, scalars):
    losses = train_losses(scalars("fcn"))
    assert len(losses) == 4 and all(math.isfinite(loss) for loss in losses)
    state = load_from_disk(trained)["state_dict"]
    assert all(value.isfinite().all() for value in state.values())


def test_mim_test_gives_what_training_reported(run, mim, trained, fcn, scalars):
    out = run(
        *(*mim, "test", "mmseg", fcn, "--checkpoint", trained, "--gpus", "0"),
        *("--work-dir", "fcn_test", "--cfg-options", *OPTIONS),
    )
    reported = [line for line in scalars("fcn") if "mIoU" in line][-1]
    found = re.findall(r"Iter\(test\).*aAcc: ([\d.]+) +mIoU: ([\d.]+) +mAcc: ([\d.]+)", out)
    assert [float(value) for value in found[-1]] == pytest.approx(
        [reported["aAcc"], reported["mIoU"], reported["mAcc"]], abs=0.01
    )


@pytest.mark.slow
def test_mim_train_resumes_with_amp(run, mim, trained, fcn, scalars):
    half = trained.with_name("iter_2.pth")
    trained.with_name("last_checkpoint").write_text(str(half))
    out = run(
        *(*mim, "train", "mmseg", fcn, "--gpus", "0", "--work-dir", "fcn", "--resume", "--amp"),
        *("--cfg-options", "allow_other_recipe=True", *length(4), *OPTIONS),
    )
    assert "resumed with another recipe: optim_wrapper" in out
    assert f"Auto resumed from the latest checkpoint {half}" in out
    assert "resumed epoch: 0, iter: 2" in out
    losses = train_losses(scalars("fcn"))
    assert len(losses) == 4 + 2 and all(math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    (logged,) = re.findall(r"type='(\w*OptimWrapper)'", out)
    assert logged == "AmpOptimWrapper"
    assert load_from_disk(trained)["meta"]["iter"] == 4


@pytest.mark.slow
def test_another_length_than_the_schedules_is_refused(run, mim, fcn):
    out = run(
        *(*mim, "train", "mmseg", fcn, "--gpus", "0", "--work-dir", "other"),
        *("--cfg-options", "train_cfg.max_iters=2", *OPTIONS),
        fails=True,
    )
    assert re.search(r"UserError: PolyLR ends at iteration 80000, and the training .* 2;", out)


@pytest.mark.slow
def test_pspnet_on_two_processes(run, mim, leaf, keeps, scalars, same_statistics):
    """With the stock `SyncBN`, over gloo, through mim's own distributed launch.

    The head has plain batch norms: each process normalises by its own images.
    """
    out = run(
        *(*mim, "train", "mmseg", leaf("mmseg", STOCK.format(name="pspnet"), keeps), "--gpus", "2"),
        *("--launcher", "pytorch", "--work-dir", "pspnet"),
        *("--cfg-options", *length(2), "model.decode_head.norm_cfg.type=BN", *OPTIONS),
    )
    assert "Distributed launcher: pytorch" in out and "GPU number: 2" in out
    assert "type='SyncBN'" in out
    losses = train_losses(scalars("pspnet"))
    assert len(losses) == 2 and all(math.isfinite(loss) for loss in losses)
    assert any("mIoU" in line for line in scalars("pspnet"))
    same_statistics("pspnet/iter_2.pth")


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["SyncBN", "BN"])
def test_pspnet_with_one_image_on_each_of_two_processes(run, mim, leaf, scalars, norm):
    """Two values a channel where the norm gathers them; else one, which is refused."""
    out = run(
        *(*mim, "train", "mmseg", leaf("mmseg", STOCK.format(name="pspnet")), "--gpus", "2"),
        *("--launcher", "pytorch", "--work-dir", f"ones_{norm}", "--cfg-options", *length(2)),
        *(f"model.decode_head.norm_cfg.type={norm}", "train_dataloader.batch_size=1", *OPTIONS),
        fails=norm == "BN",
    )
    if norm == "BN":
        assert "UserError: model.decode_head.psp_modules.0.1.bn" in out
        assert "set train_dataloader.batch_size to 2 or more" in out
    else:
        losses = train_losses(scalars(f"ones_{norm}"))
        assert len(losses) == 2 and all(math.isfinite(loss) for loss in losses)
