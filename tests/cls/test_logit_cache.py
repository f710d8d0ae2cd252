"""The cache of a teacher's logits: on its own, and in real runs on fixed images."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from safetensors import safe_open

import backbones
from backbones.files import save
from cls.cache_hook import image_keys
from cls.datasets import ClassFolders
from cls.logit_cache import LogitCache, teacher_fingerprint

KEYS = ["ant/0.jpg@10", "ant/1.jpg@20", "bee/0.jpg@30", "bee/1.jpg@40", "cow/0.jpg@50"]
LOGITS = torch.arange(10.0).view(5, 2)


def answer(places: list[int]) -> torch.Tensor:
    return LOGITS[places]


def test_filled_in_parts_and_read_again(tmp_path):
    told = []
    cache = LogitCache(tmp_path / "c", "me")
    assert cache.fill(KEYS, answer, part=2, progress=lambda *numbers: told.append(numbers)) == 5
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert len(list((tmp_path / "c").iterdir())) == 3
    again = LogitCache(tmp_path / "c", "me")
    assert again.fill(KEYS, answer) == 0
    assert torch.equal(again.table([KEYS[3], KEYS[0]]), LOGITS[[3, 0]])


def test_goes_on_after_a_stop_and_takes_new_images(tmp_path):
    def stops(places: list[int]) -> torch.Tensor:
        if 2 in places:
            raise KeyboardInterrupt
        return answer(places)

    with pytest.raises(KeyboardInterrupt):
        LogitCache(tmp_path, "me").fill(KEYS[:4], stops, part=2)
    (tmp_path / ".00001.safetensors.x.tmp.safetensors").write_bytes(b"half a file")
    cache = LogitCache(tmp_path, "me")
    assert sorted(cache.parts) == KEYS[:2]
    assert cache.fill(KEYS, answer, part=2) == 3
    assert torch.equal(LogitCache(tmp_path, "me").table(KEYS), LOGITS)


def test_several_processes_fill_it_at_a_time(tmp_path):
    """Each with its share; both look for parts before either has written one."""
    shares = [range(rank, len(KEYS), 2) for rank in (0, 1)]
    caches = [LogitCache(tmp_path, "me") for _ in shares]
    for rank, (share, cache) in enumerate(zip(shares, caches, strict=True)):
        own = LOGITS[list(share)]
        cache.fill([KEYS[i] for i in share], lambda p, own=own: own[p], 2, writer=f"-{rank}of2")
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == [f"0000{part}-{rank}of2.safetensors" for part, rank in ((0, 0), (0, 1), (1, 0))]
    assert torch.equal(LogitCache(tmp_path, "me").table([*KEYS, KEYS[1]]), LOGITS[[*range(5), 1]])


def test_another_teachers_logits_are_refused(tmp_path):
    LogitCache(tmp_path, "me").fill(KEYS, answer)
    with pytest.raises(ValueError, match=r"00000.safetensors holds logits of another teacher or"):
        LogitCache(tmp_path, "you")


def test_a_damaged_part_is_named(tmp_path):
    (tmp_path / "00000.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"00000.safetensors cannot be read \(.*remove it"):
        LogitCache(tmp_path, "me")


def test_fingerprint_tells_weights_and_preprocessing_apart():
    one, same, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    same.load_state_dict(one.state_dict())
    assert teacher_fingerprint(one, {"size": 64}) == teacher_fingerprint(same, {"size": 64})
    assert teacher_fingerprint(one, {"size": 64}) != teacher_fingerprint(one, {"size": 32})
    assert teacher_fingerprint(one, {"size": 64}) != teacher_fingerprint(other, {"size": 64})


@pytest.fixture
def fixed_config(tiny_config, tmp_path):
    """A run of one epoch on images that never change, with a teacher of other weights."""
    torch.manual_seed(7)
    network = backbones.build("resnet18_d", num_classes=3, width=0.125)
    metadata = {"architecture": "resnet18_d", "options": json.dumps({"width": 0.125})}
    save(tmp_path / "t.safetensors", network.state_dict(), metadata)

    def make(name: str, cache: str | None):
        cfg = tiny_config(epochs=1)
        pipeline = cfg.val_dataloader.dataset.pipeline
        cfg.train_dataloader.dataset.pipeline = pipeline
        cfg.model.data_preprocessor = dict(type="ClsPreprocessor", flip=0.0)
        teacher = dict(checkpoint=str(tmp_path / "t.safetensors"))
        cfg.model.distillation = dict(teacher=teacher, cache=cache)
        cfg.custom_hooks.append(dict(type="TeacherCacheHook"))
        cfg.optim_wrapper.type, cfg.work_dir = "OptimWrapper", str(tmp_path / name)
        cfg.optim_wrapper.pop("dtype")
        return cfg

    return make


def last_weights(cfg) -> torch.Tensor:
    file = Path(cfg.work_dir) / "epoch_1.pth"
    return torch.load(file, weights_only=False)["state_dict"]["backbone.fc.weight"]


def test_a_run_from_the_cache_equals_one_with_the_teacher(fixed_config, tmp_path, monkeypatch):
    with_teacher = fixed_config("teacher", None)
    Runner.from_cfg(with_teacher).train()
    filling = fixed_config("filling", str(tmp_path / "cache"))
    runner = Runner.from_cfg(filling)
    runner.train()
    assert runner.model.distillation.teacher is None  # its memory is free
    torch.testing.assert_close(last_weights(filling), last_weights(with_teacher))

    parts = sorted((tmp_path / "cache").iterdir())
    with safe_open(parts[0], framework="pt") as part:
        assert len(part.keys()) == 36
        assert "ant/0.jpg" in {key.partition("@")[0] for key in part.keys()}  # noqa: SIM118
    before = [part.stat().st_mtime_ns for part in parts]
    again = fixed_config("again", str(tmp_path / "cache"))
    Runner.from_cfg(again).train()
    assert [part.stat().st_mtime_ns for part in sorted(tmp_path.glob("cache/*"))] == before
    torch.testing.assert_close(last_weights(again), last_weights(filling))


def test_other_pictures_under_the_same_names_are_other_images(tmp_path):
    """They have as many bytes: a set made anew, or another one with the same folder as cache."""
    keys = []
    for top, grey in (("one", 0), ("two", 200), ("one again", 0)):
        folder = tmp_path / top / "ant"
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "0.bmp"), np.full((8, 8, 3), grey, np.uint8))
        keys += image_keys(ClassFolders(str(folder.parent), pipeline=[], cached_from=None))
    assert keys[0] == keys[2] != keys[1]
    assert {key.partition("-")[0] for key in keys} == {"ant/0.bmp@246"}


def test_filling_draws_no_random_numbers(fixed_config, tmp_path):
    """What else is drawn in training (dropout) is the same in a run that finds the cache full."""
    after = []
    for name in ("filling", "again"):
        Runner.from_cfg(fixed_config(name, str(tmp_path / "cache"))).train()
        after.append(torch.get_rng_state())
    assert torch.equal(*after)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (dict(flip=0.5), r"flip=0.5; cached logits are right only for images that never change"),
        (dict(jitter=dict()), "colour jitter"),
        (dict(crop=True), "RandomResizedCropUint8 in train_dataloader.dataset.pipeline"),
        (dict(mixup=dict(alpha=0.2)), "mixup"),
    ],
)
def test_a_cache_of_changing_images_is_refused(change, reason, fixed_config, tmp_path):
    cfg = fixed_config("refused", str(tmp_path / "cache"))
    change = dict(change)
    crop, blend = change.pop("crop", False), change.pop("mixup", None)
    cfg.model.data_preprocessor.update(change)
    if crop:
        cfg.train_dataloader.dataset.pipeline[1] = dict(type="RandomResizedCropUint8", size=32)
    if blend:
        cfg.model.mixup = blend
    with pytest.raises(ValueError, match=f"no cache of the teacher's logits: .*{reason}"):
        Runner.from_cfg(cfg).train()
    assert not (tmp_path / "cache").exists()


def test_a_cache_without_the_hook_is_said(fixed_config, tmp_path):
    cfg = fixed_config("nohook", str(tmp_path / "cache"))
    cfg.custom_hooks.pop()
    with pytest.raises(ValueError, match=r"nothing has filled it; add .*TeacherCacheHook"):
        Runner.from_cfg(cfg).train()
