import shutil

import pytest
import torchvision
from mmengine.registry import DATASETS

from cls.datasets import ClassFolders

PIPELINE = [
    dict(type="DecodeImage"),
    dict(type="ResizeCenterCropUint8", short_side=32, size=32),
    dict(type="PackClassified"),
]


def build(root, **options):
    return DATASETS.build(
        dict(type="ClassFolders", data_root=str(root), pipeline=PIPELINE, **options)
    )


def test_lists_what_torchvision_lists(class_folders):
    ours = build(class_folders / "train")
    theirs = torchvision.datasets.ImageFolder(class_folders / "train")
    assert isinstance(ours, ClassFolders)
    assert list(ours.metainfo["classes"]) == theirs.classes
    listed = [(d["img_path"], d["gt_label"]) for d in map(ours.get_data_info, range(len(ours)))]
    assert listed == theirs.samples


def test_item(class_folders):
    item = build(class_folders / "val")[5]
    assert item["inputs"].shape == (3, 32, 32)
    assert str(item["inputs"].dtype) == "torch.uint8"
    assert item["labels"] == 1
    # Class 1 has its extra 100 in OpenCV's channel 1, green; 0 is blue, and RGB puts that last.
    assert build(class_folders / "val")[0]["inputs"].float().mean((1, 2)).argmax() == 2


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone/train.*tricklift prepare"):
        build(tmp_path / "gone" / "train")


def test_no_class_folders(tmp_path):
    with pytest.raises(ValueError, match="holds no class folders"):
        build(tmp_path)


def test_empty_class(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val" / "dog").mkdir()
    with pytest.raises(ValueError, match=r"class folder '.*dog' is empty"):
        build(tmp_path / "val")


def test_wrong_number_of_classes(class_folders):
    with pytest.raises(ValueError, match="holds 3 class folders, the config says num_classes=10"):
        build(class_folders / "val", num_classes=10)


def test_unreadable_image_is_found_before_training(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val" / "bee" / "bad.jpg").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"bee/bad.jpg: cannot be read as an image"):
        build(tmp_path / "val")


def test_damaged_image_is_named_when_it_is_decoded(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    good = (tmp_path / "val" / "ant" / "0.jpg").read_bytes()
    (tmp_path / "val" / "ant" / "0.jpg").write_bytes(good[:30])
    with pytest.raises(ValueError, match=r"cannot decode the image '.*ant/0.jpg'"):
        build(tmp_path / "val")[0]


def test_a_large_set_is_listed_and_checked_once(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(class_folders / "val", tmp_path / "val")
    first = build(tmp_path / "val", cached_from=1)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    monkeypatch.setattr(ClassFolders, "checked_index", None)  # calling it would be an error
    second = build(tmp_path / "val", cached_from=1)
    assert second.metainfo == first.metainfo
    assert [second.get_data_info(i) for i in range(len(second))] == [
        first.get_data_info(i) for i in range(len(first))
    ]
    assert kept.is_file()


def test_a_set_that_has_changed_is_listed_again(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(class_folders / "val", tmp_path / "val")
    before = build(tmp_path / "val", cached_from=1)
    folder = tmp_path / "val" / "bee"
    shutil.copy(next(folder.iterdir()), folder / "zz.jpg")
    assert len(build(tmp_path / "val", cached_from=1)) == len(before) + 1


def test_a_small_set_leaves_no_file(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    build(class_folders / "val")
    build(class_folders / "val", cached_from=None)
    assert not (tmp_path / "cache").exists()


def test_a_part_of_the_set(class_folders):
    whole = build(class_folders / "val")
    for indices, places in ((2, [0, 1]), ([3, 1], [3, 1])):
        part = build(class_folders / "val", indices=indices)
        assert [part.get_data_info(i)["img_path"] for i in range(len(part))] == [
            whole.get_data_info(place)["img_path"] for place in places
        ]
