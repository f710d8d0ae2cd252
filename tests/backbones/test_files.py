"""Reading and writing weights: what is read is what was trained, and no code in a file runs."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from backbones import pickles
from backbones.files import read, save
from backbones.wrapper import TrickBackbone


def assert_same(state: dict, expected: dict) -> None:
    assert set(state) == set(expected)
    for key, value in expected.items():
        assert torch.equal(state[key], value), key


def test_a_saved_file_reads_back(tmp_path: Path) -> None:
    state = {"fc.weight": torch.randn(3, 4).t(), "n": torch.tensor(7)}  # not contiguous
    save(tmp_path / "new" / "a.safetensors", state, {"architecture": "resnet18_b", "row": "B"})
    back = read(tmp_path / "new" / "a.safetensors")
    assert_same(back.state, state)
    assert back.metadata == {"architecture": "resnet18_b", "row": "B", "format": "tricklift"}
    assert back.options == {}
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.safetensors"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.safetensors"
    target.write_text("old")
    with pytest.raises(TypeError):  # metadata is text
        save(target, {"x": torch.zeros(1)}, {"top1": 61.5})  # type: ignore[dict-item]
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_saved_file_has_the_permissions_of_its_kind(tmp_path: Path) -> None:
    """A new one gets what the umask gives, one that is replaced keeps its own."""
    plain, target = tmp_path / "plain", tmp_path / "a.safetensors"
    umask = os.umask(0o027)
    try:
        plain.touch()
        save(target, {"x": torch.zeros(1)}, {"architecture": "resnet18_b"})
    finally:
        os.umask(umask)
    assert target.stat().st_mode == plain.stat().st_mode
    target.chmod(0o600)
    save(target, {"x": torch.zeros(1)}, {"architecture": "resnet18_b"})
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_checkpoint_of_mmengine(trained) -> None:
    checkpoint = read(trained["plain"]["path"])
    assert_same(checkpoint.state, trained["plain"]["trained"])
    assert checkpoint.metadata["architecture"] == "resnet18_d"
    assert checkpoint.options == {"width": 0.25}
    assert checkpoint.metadata["row"] == "D-tricks"
    assert json.loads(checkpoint.metadata["tricks"]) == ["cosine", "mixup"]
    assert checkpoint.metadata["dataset"] == "RandomImages"  # what was read, not the label
    assert json.loads(checkpoint.metadata["mean"]) == [127.5] * 3
    assert json.loads(checkpoint.metadata["std"]) == [58.393, 57.12, 57.375]  # the default


def test_trained_and_averaged_weights_are_not_mixed_up(trained) -> None:
    run = trained["ema"]
    assert_same(read(run["path"]).state, run["trained"])
    assert_same(read(run["path"], ema=True).state, run["averaged"])
    key = "fc.weight"
    assert not torch.equal(run["trained"][key], run["averaged"][key])


def test_ema_weights_that_are_not_there(trained, exported) -> None:
    with pytest.raises(ValueError, match="has no EMA weights: it was trained without EMA"):
        read(trained["plain"]["path"], ema=True)
    with pytest.raises(ValueError, match="is an export and holds one set of weights"):
        read(exported("resnet18_b", width=0.25), ema=True)


def test_a_checkpoint_says_by_itself_what_it_holds(trained, tmp_path: Path) -> None:
    """Also one that was moved away from its work dir, with the result beside it gone."""
    run = trained["plain"]
    moved = shutil.copy(run["path"], tmp_path / "elsewhere.pth")
    metadata = read(moved).metadata
    for key in ("config_hash", "seed", "world_size", "row", "dataset", "task"):
        assert metadata[key] == str(run["result"][key])
    assert metadata["seed"] == "5"
    assert float(metadata["top1"]) == pytest.approx(run["result"]["metrics"]["top1"], abs=1e-4)
    assert (metadata["epochs"], metadata["ema"]) == ("3", "False")


def test_the_accuracy_is_that_of_these_very_weights(trained) -> None:
    """With EMA the average is validated; the accuracy of the weights as trained is not known."""
    for run in trained.values():
        (best,) = run["path"].parent.glob("best_*.pth")
        found = read(best, ema="averaged" in run).metadata["top1"]
        assert float(found) == pytest.approx(run["result"]["best"]["top1"], abs=1e-4)
    path = trained["ema"]["path"]
    assert "top1" not in read(path).metadata
    last = trained["ema"]["result"]["metrics"]["top1"]
    assert float(read(path, ema=True).metadata["top1"]) == pytest.approx(last, abs=1e-4)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no pretrained weights at .*gone.safetensors; give"
    ):
        read(tmp_path / "gone.safetensors")
    with pytest.raises(FileNotFoundError, match=r"\(a folder\)"):
        read(tmp_path)


def test_files_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    with pytest.raises(ValueError, match=r"unknown ending '\.npz'; give a tricklift export"):
        read(tmp_path / "a.npz")
    for name in ("a.safetensors", "a.pth"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(ValueError, match=r"is not a readable|refused to read"):
            read(tmp_path / name)
    save_file({"x": torch.zeros(1)}, tmp_path / "b.safetensors", {"format": "timm"})
    with pytest.raises(ValueError, match=r"does not say which backbone it holds \(keys: x\)"):
        read(tmp_path / "b.safetensors")


def test_weights_without_a_name_are_refused(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"does not say which backbone .*\(keys: conv1\.weight\)"):
        read(tmp_path / "a.pth")
    torch.save([1, 2], tmp_path / "b.pth")
    with pytest.raises(ValueError, match="holds a list, not a checkpoint"):
        read(tmp_path / "b.pth")


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w')",)


def test_a_checkpoint_of_a_segmenter(tmp_path: Path) -> None:
    backbone = TrickBackbone("resnet18_b", out_indices=(0,))
    state = {f"backbone.{key}": value for key, value in backbone.state_dict().items()}
    text = "model = dict(backbone=dict(type='TrickBackbone', name='resnet18_b', out_indices=(0,)))"
    file = tmp_path / "iter_2.pth"
    torch.save({"meta": {"cfg": text}, "state_dict": state}, file)
    with pytest.raises(ValueError, match=r"iter_2\.pth holds a detector or a segmenter.*; give a"):
        read(file)


def test_a_malicious_pickle_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    content = {"state_dict": {}, "meta": {"cfg": "", "extra": Evil(mark)}}
    torch.save(content, tmp_path / "evil.pth")
    with pytest.raises(ValueError, match=r"refused to read .*evil\.pth.*could run code.*exec"):
        read(tmp_path / "evil.pth")
    assert not mark.exists()
    torch.load(tmp_path / "evil.pth", weights_only=False)  # the trap is a real one
    assert mark.exists()


def test_a_reader_that_others_made_lenient_stays_strict(tmp_path: Path) -> None:
    torch.save({"meta": Evil(tmp_path / "was-here")}, tmp_path / "evil.pth")
    before = torch.serialization.get_safe_globals()
    with torch.serialization.safe_globals([exec]):
        with pytest.raises(ValueError, match="refused to read"):
            pickles.load(tmp_path / "evil.pth")
        assert exec in torch.serialization.get_safe_globals()
    assert set(torch.serialization.get_safe_globals()) == set(before)


def test_placeholders_neither_call_nor_import(tmp_path: Path) -> None:
    buffer = HistoryBuffer([1.0], [1])
    torch.save({"logs": buffer, "number": 3}, tmp_path / "a.pth")
    content = pickles.load(tmp_path / "a.pth")
    assert isinstance(content["logs"], pickles.Placeholder)
    assert content["number"] == 3
    # getattr, which the logs need, is a placeholder too: it hands out nothing
    torch.save({"f": Reach()}, tmp_path / "b.pth")
    assert isinstance(pickles.load(tmp_path / "b.pth")["f"], pickles.Placeholder)


class Reach:
    """Unpickles by calling getattr."""

    def __reduce__(self):
        return getattr, ("text", "upper")
