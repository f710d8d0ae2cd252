"""A damaged checkpoint is known by its content, and the one before it is used."""

import shutil
from pathlib import Path

import pytest
from mmengine.runner import Runner
from stopping import train_and_stop

from tricklift.compat.whole_checkpoints import damage, find_whole

ANSWER = {"accuracy/top1": 1.0}


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory) -> Path:
    """The work dir of a run of three epochs that was stopped after the third."""
    folder = tmp_path_factory.mktemp("trained")
    tiny.answer(*[ANSWER] * 3)
    cfg = tiny.config(folder, train_cfg=dict(by_epoch=True, max_epochs=9, val_interval=1))
    train_and_stop(Runner.from_cfg(cfg), epoch=3)
    return folder


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    """A copy of it."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    """As a page that never reached the disk: in the middle of the longest tensor, same size."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        info = max(archive.infolist(), key=lambda info: info.file_size)
    data = bytearray(path.read_bytes())
    start = info.header_offset + 200
    data[start : start + info.file_size] = b"\0" * info.file_size
    path.write_bytes(bytes(data))


def noise(path: Path) -> None:
    path.write_bytes(b"not a checkpoint" * 99)


HURT = {hurt.__name__: hurt for hurt in (cut, empty, zeros, noise)}


@pytest.mark.parametrize("name", HURT)
def test_the_one_before_is_used_with_a_warning(folder, name):
    assert find_whole(folder) == (folder / "epoch_3.pth", [])
    HURT[name](folder / "epoch_3.pth")
    found, said = find_whole(folder)
    assert found == folder / "epoch_2.pth" and damage(found) is None
    assert [f"{folder / 'epoch_3.pth'} is damaged: " in line for line in said] == [True]
    assert said[0].endswith(f"resuming from {found}")


def test_a_run_goes_on_from_it_and_says_so(tiny, folder):
    cut(folder / "epoch_3.pth")
    cfg = tiny.config(folder, train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1))
    cfg.resume, cfg.log_level = True, "INFO"
    assert tiny.train(cfg, *[ANSWER] * 3)["epochs"] == 4
    log = "".join(path.read_text() for path in folder.rglob("*.log"))
    assert "epoch_3.pth is damaged" in log and "resumed epoch: 2, iter: 4" in log


def test_all_damaged_is_an_error_and_none_is_a_new_start(folder, tmp_path_factory):
    for path in folder.glob("*.pth"):
        cut(path)
    with pytest.raises(ValueError, match=r"epoch_3.pth is damaged.*no other checkpoint.*remove"):
        find_whole(folder)
    assert find_whole(tmp_path_factory.mktemp("nothing")) == (None, [])


def test_a_named_one_that_is_damaged_is_refused(tiny, folder):
    cut(folder / "epoch_2.pth")
    cfg = tiny.config(folder, train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1))
    cfg.resume, cfg.load_from = True, str(folder / "epoch_2.pth")
    with pytest.raises(ValueError, match=r"epoch_2.pth is damaged.*--resume without a file"):
        tiny.train(cfg)


@pytest.mark.parametrize("note", [None, "", "/moved/since/epoch_3.pth", "epoch_9.pth"])
def test_the_note_may_be_lost_or_from_another_place(folder, note):
    if note is None:
        (folder / "last_checkpoint").unlink()
    else:
        (folder / "last_checkpoint").write_text(note)
    shutil.copy(folder / "epoch_1.pth", folder / "best_score_epoch_9.pth")
    assert find_whole(folder) == (folder / "epoch_3.pth", [])
