"""Sizes and lengths follow from the images, within what a CPU can do."""

from collections import Counter
from pathlib import Path

import pytest

from tricklift.own.parts import Layout, Part
from tricklift.own.report import Report, Split
from tricklift.own.settings import LEAST, MOST, choose


def found(task, images, size, boxes=()):
    names = ("a", "b", "c")
    layout = Layout(task, "k", Path("r"), "R", names, Part({}), Part({}), Counter())
    splits = (Split("t", count, [size] * count, list(boxes)) for count in (images, 3))
    return Report(layout, *splits)


def size_of(task, keys):
    step = next(s for s in keys["val_dataloader"]["dataset"]["pipeline"] if "Resize" in s["type"])
    return step["size"] if task == "cls" else step["scale"]


@pytest.mark.parametrize("task", MOST)
def test_sizes_follow_the_images(task):
    small, usual, large = (
        size_of(task, choose(found(task, 100, size)).keys)
        for size in ((40, 30), (150, 100), (6000, 4000))
    )
    if task == "cls":
        assert (small, usual, large) == (LEAST[task], 96, MOST[task])
    else:  # long and short side, as the images are
        assert (small[1], usual[1], large[1]) == (LEAST[task], max(96, LEAST[task]), MOST[task])
        assert large[0] == pytest.approx(1.5 * large[1], abs=1)
    chosen = choose(found(task, 100, (150, 100)), size=160, epochs=7)
    assert chosen.reasons[:2] == ("160 pixels: given", "7 epochs: given")
    assert "160" in str(size_of(task, chosen.keys))


@pytest.mark.parametrize("task", MOST)
@pytest.mark.parametrize("images", [2, 9, 500, 1_000_000])
def test_lengths_and_batches_follow_the_number_of_images(task, images):
    keys = choose(found(task, images, (100, 100))).keys
    batch = keys["train_dataloader"]["batch_size"]
    assert 2 <= batch <= {"cls": 64, "det": 4, "seg": 8}[task]
    assert batch <= images  # else an epoch has no step
    cfg = keys["train_cfg"]
    assert cfg["val_interval"] == cfg.get("max_epochs", cfg.get("max_iters"))
    ends = [item.get("end") or item["milestones"][-1] for item in keys["param_scheduler"]]
    assert max(ends) <= max(cfg.get("max_epochs", 0) * images // batch, cfg.get("max_iters", 0))
    fewer = choose(found(task, max(2, images // 10), (100, 100))).keys["train_cfg"]
    if task != "seg":
        assert fewer["max_epochs"] >= cfg["max_epochs"]


def test_anchors_follow_the_boxes():
    scales = [
        choose(found("det", 100, (320, 320), [side / 320] * 50)).keys["model"]["rpn_head"][
            "anchor_generator"
        ]["scales"]
        for side in (5, 25, 300)
    ]
    # sides on FPN's finest map are 4 x scale, the smallest of the usual ones 8 (32 pixels)
    assert scales == [[2, 3], [5, 7.5], [8, 12]]
    few = choose(found("det", 100, (320, 320), [0.5] * 3))
    assert "few boxes to go by" in few.reasons[-1]


def test_the_heads_have_the_datas_classes():
    models = {task: choose(found(task, 100, (99, 99))).keys["model"] for task in MOST}
    assert models["cls"]["num_classes"] == 3
    assert models["det"]["roi_head"]["bbox_head"]["num_classes"] == 3
    heads = (models["seg"][head]["num_classes"] for head in ("decode_head", "auxiliary_head"))
    assert list(heads) == [3, 3]
