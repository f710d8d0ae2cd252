"""What a run leaves for the report: real runs of two steps, one of each task."""

import copy
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from short_runs import FEW, LEAVES, SHORT

from tricklift import train
from tricklift.compat import predictions as hook
from tricklift.compat.training_items import places
from tricklift.records import predictions, training_items


@pytest.fixture(scope="module")
def left(tiny_root, tmp_path_factory):
    """Task -> the work dir of a run."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRICKLIFT_ROOT", str(tiny_root))
        folder = tmp_path_factory.mktemp("left")
        for task, leaf in LEAVES.items():
            options = copy.deepcopy({**FEW, **SHORT[task]})  # merging changes it
            cfg = train.build_config(leaf, work_dir=folder / task, seed=0, options=options)
            if task == "det":
                cfg.model.test_cfg.rcnn.score_thr = 0.0
            train.train(cfg)
    return folder


@pytest.mark.parametrize("task", LEAVES)
def test_a_run_leaves_the_answers_of_its_last_validation(left, tiny_root, monkeypatch, task):
    found = predictions.read(left / task)
    assert (found.task, found.split, found.step) == (task, "val", 2)
    assert found.images_of_set == len(found.images) == 4
    assert found.root == str(tiny_root) and found.folder.startswith("miniworld/")
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    folder = predictions.find_folder(found.folder, found.root)
    for image in found.images:
        picture = cv2.imread(str(folder / image["name"]))
        if task != "cls":
            assert [*picture.shape[1::-1]] == image["size"]
    assert len(found.classes) == {"cls": 12, "det": 12, "seg": 17}[task]


def test_the_kept_classes_are_those_that_the_metric_counted(left):
    found = predictions.read(left / "cls")
    hits = sum(image["label"] == image["top1"] for image in found.images)
    told = json.loads((left / "cls/result.json").read_text())["metrics"]["top1"]
    assert 100 * hits / len(found.images) == told
    for image in found.images:  # the folder is the class
        assert found.classes[image["label"]] == Path(image["name"]).parts[0]


def test_the_kept_masks_give_the_pixel_accuracy_of_the_metric(left):
    """128x128 pixels need no reduction, so that the counts are the same."""
    same = known = 0
    for image in predictions.read(left / "seg").images:
        labels, truth = (
            cv2.imdecode(np.frombuffer(predictions.png_bytes(image[key]), np.uint8), -1)
            for key in ("labels", "truth")
        )
        assert labels.shape == truth.shape == (128, 128)
        same += int((labels == truth)[truth != 255].sum())
        known += int((truth != 255).sum())
    told = json.loads((left / "seg/result.json").read_text())["metrics"]["pix_acc"]
    assert 100 * same / known == pytest.approx(told, abs=0.006)  # mmseg rounds to 0.01


def test_the_truth_of_boxes_is_that_of_the_annotations(left, tiny_root):
    from xml.etree import ElementTree

    for image in predictions.read(left / "det").images:
        file = tiny_root / "miniworld/VOCdevkit/VOC2007/Annotations" / image["name"]
        objects = ElementTree.parse(file.with_suffix(".xml")).findall("object")
        # VOC counts pixels from 1
        want = [[float(it.text) - 1 for it in thing.find("bndbox")] for thing in objects]
        assert sorted(box[:4] for box in image["truth"]) == sorted(want)


def test_a_test_leaves_answers_without_the_training_data(left, tiny_root, monkeypatch, tmp_path):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    options = {
        "train_dataloader.dataset.data_root": "/nowhere",
        "model.backbone.width": 0.25,
        "model.channels_last": False,
    }
    cfg = train.build_config(LEAVES["cls"], work_dir=tmp_path, options=options)
    train.test(cfg, left / "cls/epoch_1.pth")
    found = predictions.read(tmp_path)
    assert (found.split, found.step, len(found.images)) == ("test", 0, 24)


@pytest.mark.parametrize("task", LEAVES)
def test_a_run_leaves_some_items_that_it_trains_on(left, task):
    held = training_items.read(left / task)
    assert len(held["items"]) == 8  # of 8
    assert all(Path(item["img_path"]).is_file() for item in held["items"])
    assert ("instances" in held["items"][0]) == (task == "det")


def test_places_are_spread_evenly():
    assert places(8) == list(range(8)) and places(3) == [0, 1, 2]
    assert places(80) == [5, 15, 25, 35, 45, 55, 65, 75]


def detected(boxes, labels, scores, **more):
    from mmdet.structures import DetDataSample

    sample = DetDataSample(metainfo=dict(img_path="a.jpg", ori_shape=(60, 80), **more))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes), labels=torch.tensor(labels), scores=torch.tensor(scores)
    )
    return sample


def test_boxes_are_rounded_sorted_and_bounded():
    sample = detected(
        [[1.04, 2, 3, 4], [5, 6, 7.26, 8], [0, 0, 1, 1]], [0, 1, 2], [0.5, 0.914, 0.04]
    )
    assert hook.kind_of(sample) == "det"
    assert hook.boxes_of(sample) == {
        "size": [80, 60],
        "boxes": [[5, 6, 7.3, 8, 1, 0.91], [1, 2, 3, 4, 0, 0.5]],
        "truth": None,
    }
    many = detected([[0.0, 0, 9, 9]] * 150, [0] * 150, [0.7] * 150)
    assert len(hook.boxes_of(many)["boxes"]) == predictions.MOST_BOXES


@pytest.mark.parametrize(
    ("height", "width", "shape"), [(128, 96, (128, 96)), (600, 400, (200, 133))]
)
def test_label_maps_are_reduced_by_whole_steps(height, width, shape):
    """600 pixels are 256 at most in steps of 3: 200; of 400 columns, 1, 4, ... 397 are 133."""
    from mmseg.structures import SegDataSample

    labels = torch.arange(height * width).reshape(1, height, width) % 300  # above 8 bits
    sample = SegDataSample(metainfo=dict(img_path="a.png", ori_shape=(height, width)))
    sample.pred_sem_seg = PixelData(data=labels)
    assert hook.kind_of(sample) == "seg"
    answer = hook._encoded(hook.masks_of(sample))
    found = cv2.imdecode(np.frombuffer(predictions.png_bytes(answer["labels"]), np.uint8), -1)
    step = math.ceil(max(height, width) / 256)
    want = labels[0, step // 2 :: step, step // 2 :: step].numpy()
    assert found.shape == shape and np.array_equal(found, want) and answer["truth"] is None


def test_answers_of_other_models_are_left_alone():
    assert hook.kind_of(torch.zeros(3)) is None and hook.kind_of({"label": 1}) is None
    rotated = detected([[0.0, 0, 9, 9, 1]], [0], [0.7])
    assert hook.kind_of(rotated) is None
    nameless = detected([[0.0, 0, 9, 9]], [0], [0.7])
    del nameless.img_path  # a pipeline of one's own that packs other meta keys
    assert hook.kind_of(nameless) is None
