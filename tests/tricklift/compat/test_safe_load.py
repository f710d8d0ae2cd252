"""Checkpoints are data: what mmengine writes loads, anything else is refused by name."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader, load_checkpoint

import tricklift.compat.setup  # noqa: F401
from tricklift.compat import safe_load
from tricklift.compat.safe_load import DamagedCheckpointError, UnsafeCheckpointError


class Command:
    """An object whose unpickling runs a command: the usual attack."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


class Getattr:
    """Reaches for a function through the plain `getattr`."""

    def __init__(self, owner: object, name: str) -> None:
        self.owner, self.name = owner, name

    def __reduce__(self):
        return getattr, (self.owner, self.name)


def hub() -> dict[str, object]:
    """A message hub as mmengine's runner saves it."""
    hub = MessageHub.get_instance("test-safe-load")
    for value in (1.0, 3.0):
        hub.update_scalar("train/loss", value)
        hub.update_scalar("train/lr", np.float32(value))
    hub.update_info("epoch", 3)
    hub.update_info("score", np.float64(0.5))
    return hub.state_dict()


def test_what_mmengine_writes_comes_back(tmp_path):
    path = tmp_path / "iter_2.pth"
    meta = dict(classes=("cat", "dog"), flags=np.array([True]), bytes=np.arange(3, dtype=np.uint8))
    torch.save(dict(message_hub=hub(), meta=meta, state_dict={"w": torch.ones(2)}), path)
    found = CheckpointLoader.load_checkpoint(str(path), map_location="cpu")
    loss = found["message_hub"]["log_scalars"]["train/loss"]
    assert isinstance(loss, HistoryBuffer)
    assert (loss.mean(), loss.min(), loss.max(), loss.current()) == (2.0, 1.0, 3.0, 3.0)
    assert loss.statistics("mean") == 2.0
    assert found["message_hub"]["runtime_info"]["score"] == 0.5
    assert found["meta"]["bytes"].tolist() == [0, 1, 2] and found["meta"]["flags"].all()
    assert torch.equal(found["state_dict"]["w"], torch.ones(2))
    assert torch.load(path)["meta"]["classes"] == ("cat", "dog")  # other callers too


@pytest.mark.parametrize("force", ["0", "1"])
def test_a_command_is_refused_and_not_run(tmp_path, monkeypatch, force):
    """Even where the environment asks torch to load without checks."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", force)
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save(dict(state_dict={}, extra=Command(trace)), path)
    with pytest.raises(UnsafeCheckpointError, match=r"refused to load .*evil\.pth.*system"):
        load_checkpoint(torch.nn.Linear(1, 1), str(path))
    assert not trace.exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(HistoryBuffer, "__init__"), (HistoryBuffer, "statistics"), (np.ndarray, "tofile")],
)
def test_getattr_serves_the_four_statistics_only(tmp_path, owner, name):
    path = tmp_path / "evil.pth"
    torch.save(Getattr(owner, name), path)
    with pytest.raises(UnsafeCheckpointError, match=f"getattr.*{name}.*not allowed"):
        safe_load.load_from_disk(str(path))
    torch.save(Getattr(HistoryBuffer, "mean"), path)
    assert safe_load.load_from_disk(str(path)) is HistoryBuffer.mean


def test_a_plain_pickle_and_garbage_are_refused(tmp_path):
    path, trace = tmp_path / "plain.pth", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Command(trace), protocol=2))
    with pytest.raises(UnsafeCheckpointError, match="refused to load"):
        safe_load.load_from_disk(str(path))
    assert not trace.exists()
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(DamagedCheckpointError, match=r"plain.pth is not a checkpoint that can be"):
        safe_load.load_from_disk(str(path))


def test_a_missing_file_says_where(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint file .*gone\.pth; give the path"):
        CheckpointLoader.load_checkpoint(str(tmp_path / "gone.pth"))


@pytest.mark.parametrize("keep", [0, 600])
def test_a_cut_off_file_says_so(tmp_path, keep):
    path = tmp_path / "iter_2.pth"
    torch.save({"w": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedCheckpointError, match=f"can be read .{keep} bytes.*earlier one"):
        safe_load.load_from_disk(str(path))


def test_leaving_a_context_of_torch_elsewhere_does_not_break_resuming(tmp_path):
    """torch's `safe_globals` removes on exit what it added, also what was there before."""
    path = tmp_path / "iter_2.pth"
    torch.save(hub(), path)
    with torch.serialization.safe_globals([HistoryBuffer]):
        pass
    assert "log_scalars" in safe_load.load_from_disk(str(path))


def test_the_config_in_a_checkpoint_is_no_program(tmp_path):
    """mmengine's `Runner.resume` runs `meta.config` as Python; `install` leaves it out."""
    file = tmp_path / "a.pth"
    torch.save(
        {"meta": {"config": "import os", "cfg": "a = 1", "epoch": 1}, "state_dict": {}}, file
    )
    assert safe_load.load_from_disk(file)["meta"] == {"cfg": "a = 1", "epoch": 1}


def test_addresses_are_loaded_as_data_too():
    """mmengine's `load_url` is torch's, which by default unpickles anything."""
    from mmengine.runner import checkpoint

    from tricklift.compat import safe_load

    safe_load.install()
    assert checkpoint.load_url is safe_load.load_from_address
