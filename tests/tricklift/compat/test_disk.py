"""A full disk and a lost folder end a run with one error; what was saved stays and resumes."""

import os
import shutil
import subprocess
from contextlib import suppress

import pytest
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tricklift.compat.whole_checkpoints import damage

ANSWER = {"accuracy/top1": 1.0}
LOOP = dict(by_epoch=True, max_epochs=6, val_interval=6)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small tmpfs here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Meddles(Hook):
    """Does something before an epoch."""

    def __init__(self, epoch: int, does) -> None:
        self.epoch, self.does = epoch, does

    def before_train_epoch(self, runner):
        if runner.epoch == self.epoch:
            self.does()


def fill(folder) -> None:
    """Leaves no byte."""
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 512)


def test_a_full_disk(tiny, small_disk, capfd):
    folder = small_disk / "run"
    runner = Runner.from_cfg(tiny.config(folder, train_cfg=LOOP, log_level="INFO"))
    runner.register_hook(Meddles(2, lambda: fill(small_disk)))
    with pytest.raises(ValueError, match=r"No space left on device.*epoch_2.pth, is whole.*Free"):
        runner.train()
    assert "Logging error" not in capfd.readouterr().err
    assert damage(folder / "epoch_2.pth") is None and not (folder / "epoch_3.pth").exists()
    assert [path.name for path in folder.glob(".*.tmp*")] == []  # no half-written file takes space
    (small_disk / "filler").unlink()
    assert tiny.train(tiny.config(folder, train_cfg=LOOP, resume=True), ANSWER)["epochs"] == 6


def test_a_lost_folder(tiny, tmp_path):
    folder = tmp_path / "run"
    runner = Runner.from_cfg(tiny.config(folder, train_cfg=LOOP))
    runner.register_hook(Meddles(2, lambda: shutil.move(folder, tmp_path / "elsewhere")))
    with pytest.raises(ValueError, match=r"run.*is gone.*Bring it back and resume"):
        runner.train()
    assert not folder.exists()  # nobody made it anew
    shutil.move(tmp_path / "elsewhere", folder)
    assert tiny.train(tiny.config(folder, train_cfg=LOOP, resume=True), ANSWER)["epochs"] == 6
