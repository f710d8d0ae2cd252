"""Sets held in memory, and parts of each class."""

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader

from cls import held
from tricklift.records.data_identity import identity

CROPS = (
    [dict(type="DecodeImage"), dict(type="RandomResizedCropUint8", size=32)],
    [dict(type="DecodeRandomResizedCrop", size=32, reduced=False)],
    [dict(type="DecodeImage"), dict(type="ResizeCenterCropUint8", short_side=32, size=32)],
)


def build(root, crop=CROPS[2], **options):
    pipeline = [*crop, dict(type="PackClassified")]
    return DATASETS.build(
        dict(type="ClassFolders", data_root=str(root), pipeline=pipeline, **options)
    )


@pytest.mark.parametrize("crop", CROPS, ids=["random", "in one", "centre"])
def test_an_image_held_in_memory_is_the_one_of_the_file(class_folders, crop):
    root = class_folders / "train"
    for place in (0, 13, 35):
        items = []
        for in_memory in (False, True):
            data = build(root, crop, in_memory=in_memory)
            np.random.seed(place)
            items.append(data[place])
        assert torch.equal(items[0]["inputs"], items[1]["inputs"])
        assert items[0]["labels"] == items[1]["labels"]


def test_workers_read_no_file_of_a_set_in_memory(class_folders, tmp_path):
    root = tmp_path / "train"
    root.mkdir()
    for folder in (class_folders / "train").iterdir():
        (root / folder.name).mkdir()
        for file in folder.iterdir():
            (root / folder.name / file.name).write_bytes(file.read_bytes())
    data = build(root, in_memory=True)
    wanted = torch.stack([data[place]["inputs"] for place in range(len(data))])
    for file in root.rglob("*.jpg"):
        file.write_bytes(b"gone")
    loader = DataLoader(data, 5, num_workers=1, collate_fn=default_collate)
    assert torch.equal(torch.cat([batch["inputs"] for batch in loader]), wanted)


def test_what_a_run_reads_is_called_alike(class_folders):
    data = [build(class_folders / "train", in_memory=held) for held in (False, True)]
    assert identity({"train": data[0]}) == identity({"train": data[1]})


def test_images_that_need_too_much_memory_are_refused(class_folders, monkeypatch):
    monkeypatch.setattr(held, "free_memory", lambda: 2 * 36 * 40 * 48 * 3 - 1)
    with pytest.raises(ValueError, match=r"need about 0\.0 GB, and .*set in_memory=False"):
        build(class_folders / "train", in_memory=True)
    monkeypatch.setattr(held, "free_memory", lambda: 2 * 36 * 40 * 48 * 3)
    assert len(build(class_folders / "train", in_memory=True)) == 36


@pytest.mark.parametrize("part", [(0, 4), (4, 12), (11, 12)])
def test_a_part_of_each_class_in_sorted_order(class_folders, part):
    root = class_folders / "train"
    data = build(root, per_class=part)
    names = sorted(file.name for file in (root / "ant").iterdir())[slice(*part)]
    paths = [data.get_data_info(place)["img_path"] for place in range(len(data))]
    assert paths == [str(root / name / file) for name in ("ant", "bee", "cow") for file in names]
    labels = [data.get_data_info(place)["gt_label"] for place in range(len(data))]
    assert labels == [label for label in range(3) for _ in names]
    assert torch.equal(build(root, per_class=part, in_memory=True)[1]["inputs"], data[1]["inputs"])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ((0, 13), r"images 0 to 13 of each class, and 'ant' in .* holds 12; take fewer"),
        ((3, 3), r"0 <= first < end, got \(3, 3\)"),
        ((-1, 3), r"0 <= first < end, got \(-1, 3\)"),
    ],
)
def test_a_part_that_no_class_has_is_refused(class_folders, part, said):
    with pytest.raises(ValueError, match=said):
        build(class_folders / "train", per_class=part)
