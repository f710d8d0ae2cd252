"""The ladder on one GPU: what is left to run, and what comes back from a machine that is gone."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import ladder_gpu
from tricklift import configs
from tricklift.config_keys import parse_options
from tricklift.suite.jobs import Export
from tricklift.suite.tier_file import read
from tricklift.train import build_config

ROWS = ["resnet18_d-efficient", "resnet18_d-distill", "random-init-resnet18_b"]


@pytest.fixture
def given(tmp_path) -> Namespace:
    return Namespace(rows=ROWS, seeds=["0", "1"], root=tmp_path / "data")


def finish(given: Namespace, out: Path, seed: str, *folders: str) -> None:
    """Leaves a result in each training's folder below `out/<folder>`, and all exports."""
    for job in ladder_gpu.planned("small", out, given, seed, ROWS).values():
        if isinstance(job, Export):
            job.file.parent.mkdir(exist_ok=True)
            job.file.write_bytes(job.name.encode() * 100)
        elif job.name.startswith(folders):
            job.work_dir.mkdir(parents=True, exist_ok=True)
            (job.work_dir / "result.json").write_text('{"status": "done"}')


def test_seeds_that_lack_the_same_rows_go_together(given, tmp_path):
    left = ladder_gpu.pending("small", tmp_path, given)
    assert left == {"0": ROWS, "1": ROWS}
    assert ladder_gpu.groups(left) == [(ROWS, ["0", "1"])]
    finish(given, tmp_path, "0", "cls/", "det/resnet18_d-eff", "seg/", "det/random")
    left = ladder_gpu.pending("small", tmp_path, given)
    assert left == {"0": ["resnet18_d-distill"], "1": ROWS}
    assert ladder_gpu.groups(left) == [(["resnet18_d-distill"], ["0"]), (ROWS, ["1"])]


def test_every_row_of_a_tier_is_named_once(given):
    given.rows = None
    names = ladder_gpu.rows_of("small", given)
    assert len(set(names)) == len(names) == 7 + 1 + 2
    assert ladder_gpu.rows_of("mini", given)[-1] == "random-init"
    assert "random-init" not in ladder_gpu.rows_of("zoo", given)


def test_what_comes_back_is_enough_to_go_on_from(given, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    finish(given, before, "0", "cls/", "det/resnet18_d-eff", "seg/", "det/random")
    (before / "commands.json").write_text("[]")
    ladder_gpu.pack(before, "small", given)
    after.mkdir()
    shutil.move(before / "back", after / "back")
    ladder_gpu.unpack(after)
    files = {str(f.relative_to(after)) for f in after.rglob("*") if f.is_file()}
    kept = {file for file in files if file.startswith("exports/")}
    assert kept == {"exports/resnet18_d-distill-seed0.safetensors"}
    assert len([f for f in files if f.endswith("result.json")]) == 3 + 1 + 3 + 1
    assert (after / "commands.json").read_text() == "[]"
    # The teacher's export is lost, and with it the pretraining that it stands for.
    assert ladder_gpu.pending("small", after, given)["0"] == ["resnet18_d-distill"]
    assert not (after / "cls/resnet18_d_wide-smooth/seed0/result.json").exists()
    assert (after / "cls/resnet18_d-distill/seed0/result.json").exists()


def test_exports_beyond_what_fits_stay_behind(given, tmp_path, monkeypatch):
    monkeypatch.setattr(ladder_gpu, "PIECE", 12_000)
    monkeypatch.setattr(ladder_gpu, "ALL_PIECES", 24_000)
    finish(given, tmp_path, "0", "cls/")
    ladder_gpu.pack(tmp_path, "small", given)
    pieces = sorted((tmp_path / "back").glob("exports.tar.*"))
    assert pieces[0].stat().st_size == 12_000
    assert sum(piece.stat().st_size for piece in pieces) <= 24_000


def test_a_pilot_is_judged_on_training_images_that_it_does_not_train_on(tmp_path):
    what = read(ladder_gpu.pilot("small", tmp_path, tmp_path / "data"))
    assert what.name == "small-pilot" and what.rows == read("small").rows
    found = {}
    with configs.silently():
        for name in ("cls/small/resnet18_b-standard", *(head.config for head in what.heads)):
            task = name[:3]
            found[task] = build_config(name, options=parse_options(what.options[task]))
    cls, det, seg = (found[task] for task in ("cls", "det", "seg"))
    train, val = cls.train_dataloader.dataset, cls.val_dataloader.dataset
    assert str(val.data_root).endswith("tiny-imagenet-100/train")
    assert (train.per_class, val.per_class) == ((0, 250), (250, 300))
    for cfg, count in ((det, 1500), (seg, 468)):
        train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
        assert sorted([*train.indices, *val.indices]) == list(range(count))
    assert det.train_dataloader.dataset.ann_file == det.val_dataloader.dataset.ann_file
    assert seg.train_dataloader.dataset.data_prefix == seg.val_dataloader.dataset.data_prefix
