"""What a training makes of its images, from resolved configs as runs dump them."""

import base64
import io
import json
import sys

import cv2
import numpy as np
import pytest
from left_runs import FOLDERS
from PIL import Image
from short_runs import LEAVES

from tricklift import train
from tricklift.errors import UserError
from tricklift.records import training_items
from tricklift.report import augmented, batches
from tricklift.report.sections import augmentation
from tricklift.report.study import read


def item(root, task):
    """One image as the data set of the task lists it."""
    if task == "cls":
        file = next(iter(sorted((root / "miniworld/imagenet/train").rglob("*.jpg"))))
        return {"img_path": str(file), "gt_label": 0}
    if task == "det":
        file = next(iter(sorted((root / FOLDERS["det"]).glob("*.jpg"))))
        box = {"bbox": [10, 20, 60, 70], "bbox_label": 3, "ignore_flag": 0}
        return {"img_path": str(file), "img_id": "1", "instances": [box]}
    folder = root / "miniworld/ade"
    file = next(iter(sorted((folder / "images/training").glob("*.jpg"))))
    mask = folder / "annotations/training" / f"{file.stem}.png"
    paths = {"img_path": str(file), "seg_map_path": str(mask)}
    return {**paths, "label_map": None, "reduce_zero_label": True, "seg_fields": []}


def work_dir(folder, root, task, **options):
    """A run's resolved config, its result and two equal items."""
    cfg = train.build_config(LEAVES[task], work_dir=folder, options=options)
    folder.mkdir()
    cfg.dump(folder / "leaf.py")
    result = {"schema": 2, "status": "done", "task": task, "tier": "mini", "dataset": "MiniWorld"}
    result |= {"protocol": "p", "row": "a", "backbone": "b", "config_hash": "h", "seed": 0}
    result |= {"metrics": {"top1": 1.0}, "wall_seconds": 1.0, "machine": {}, "config": "leaf.py"}
    (folder / "result.json").write_text(json.dumps(result))
    classes = [f"class {place}" for place in range(17 if task == "seg" else 12)]
    training_items.write(folder, [item(root, task)] * 2, str(root), classes)
    return folder


def pixels(cell):
    data = base64.b64decode(cell["address"].partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


@pytest.mark.parametrize("task", ["cls", "det", pytest.param("seg", marks=pytest.mark.slow)])
def test_images_before_and_after(tiny_root, tmp_path, monkeypatch, task):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder = work_dir(tmp_path / "run", tiny_root, task)
    found = augmented.shown(folder)
    assert found["columns"][:2] == ["image", "augmented, 1"] and not found["notes"]
    assert len(found["rows_of_images"]) == 2
    before, after, *_ = found["rows_of_images"][0]["cells"]
    source = np.asarray(Image.open(item(tiny_root, task)["img_path"]).convert("RGB")).astype(float)
    if task != "det":  # there boxes are drawn in
        small = Image.fromarray(source.astype("uint8"))
        small.thumbnail((batches.SIDE, batches.SIDE))
        assert abs(pixels(before) - np.asarray(small)).mean() < 8  # WEBP is lossy
    assert not np.array_equal(pixels(before), pixels(after))
    assert found == augmented.shown(folder)  # seeds are fixed
    if task == "cls":
        mixed = [title for title in found["columns"] if title.startswith("mixup")]
        assert len(mixed) == 2 and "λ" in mixed[0]
        # twice the same image: whatever lambda is, mixing changes the crop alone, not the class
        told = found["rows_of_images"][0]["cells"][2]["told"]
        assert told.startswith("90 % class 0")  # label smoothing keeps 0.9


def test_boxes_move_with_the_image(tiny_root, tmp_path, monkeypatch):
    """A flip for certain: the left edge of the box is as far from the right as it was from 0."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder = work_dir(
        tmp_path / "run", tiny_root, "det",
        **{"train_dataloader.dataset.pipeline.3.prob": 1.0},
    )  # fmt: skip
    drawn = []
    monkeypatch.setattr(batches, "_boxed", lambda *given: drawn.append(given) or {})
    augmented.shown(folder)
    (plain, [box]), (_, [flipped]) = drawn[0], drawn[2]
    scale = 160 / max(plain.shape)  # Resize keeps the aspect ratio
    width = round(plain.shape[1] * scale)
    assert flipped[0] == pytest.approx(width - box[2] * scale, abs=1)
    assert flipped[2] == pytest.approx(width - box[0] * scale, abs=1)


def test_what_cannot_be_drawn_is_said(tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder = work_dir(tmp_path / "run", tiny_root, "cls")
    held = training_items.read(folder)
    gone = [{**it, "img_path": "/gone/a.jpg"} for it in held["items"]]
    training_items.write(folder, gone, str(tiny_root), held["classes"])
    told: list[str] = []
    body = augmentation.section(read(tmp_path, say=told.append)).body
    assert len(told) == 1 and "takes seconds" in told[0]
    assert "could not be drawn" in body and "set TRICKLIFT_ROOT" in body
    assert "mixup alpha 0.2" in body  # the steps are in the config


def test_items_follow_the_data_root(tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.jpg").write_text("")
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path / "new"))
    old = {"img_path": "/old/root/a.jpg", "gt_label": 1}
    assert augmented._moved(old, "/old/root")["img_path"] == str(tmp_path / "new/a.jpg")


def test_sets_around_sets_are_looked_into():
    leaf = {"type": "Leaf", "pipeline": [1]}
    around = {"type": "Repeat", "dataset": {"type": "Concat", "datasets": [leaf, leaf]}}
    assert augmented.leaf(around) == (leaf, [])
    mosaic = {"type": "MultiImageMixDataset", "dataset": leaf, "pipeline": [2]}
    assert augmented.leaf(mosaic) == (
        leaf,
        ["what MultiImageMixDataset makes of several images is not shown"],
    )


def test_a_config_is_data_and_runs_nothing(tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder, canary = work_dir(tmp_path / "run", tiny_root, "cls"), tmp_path / "canary"
    config = folder / "leaf.py"
    whole = config.read_text()
    config.write_text(f"open({str(canary)!r}, 'w')\nimports = ['evil.py']\n{whole}")
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    assert len(augmented.shown(folder)["rows_of_images"]) == 2
    config.write_text(whole.replace("type='DecodeImage'", "type='os.system'"))
    with pytest.raises(UserError, match=r"os\.system.*none of the parts.*--import"):
        augmented.shown(folder)
    assert not canary.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep to no such limit")
def test_a_size_in_a_config_takes_no_machine_down(tiny_root, tmp_path, monkeypatch):
    import resource

    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder = work_dir(
        tmp_path / "run", tiny_root, "det",
        **{"train_dataloader.dataset.pipeline.2.scale": (30000, 30000)},
    )  # fmt: skip
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises((MemoryError, cv2.error), match=r"(?i)memory|alloc"):
        augmented.shown(folder)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


OWN = """
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Darker(BaseTransform):
    def transform(self, results):
        return {**results, "img": results["img"] // 2}
"""


def test_parts_of_ones_own_are_named_by_who_reads(tiny_root, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    (tmp_path / "mine.py").write_text(OWN)
    folder = work_dir(tmp_path / "run", tiny_root, "cls")
    config = folder / "leaf.py"
    text = config.read_text()
    config.write_text(
        text.replace(
            "dict(type='PackClassified')", "dict(type='Darker'), dict(type='PackClassified')"
        )
    )
    with pytest.raises(UserError, match="'Darker'"):
        augmented.shown(folder)
    assert augmented.shown(folder, [str(tmp_path / "mine.py")])["rows_of_images"]
