import json
import os
import shutil
from pathlib import Path

import pytest
import torchvision
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS

from cls.datasets import PREPARED, ClassFolders
from tricklift.data.prepare import NAMES, SETS
from tricklift.train import train

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
    with pytest.raises(
        FileNotFoundError, match=r"gone/train'; put your images there, .*prepare --help` lists the"
    ):
        build(tmp_path / "gone" / "train")


@pytest.mark.parametrize(
    ("leaf", "name"),
    [
        ("mini/resnet18_b-baseline", "miniworld"),
        ("small/resnet18_b-standard", "tiny-imagenet"),
        ("cifar10/resnet18_b-standard", "cifar10"),
        ("full/resnet50_b-standard", "imagenet"),
        ("full/resnet50_d-places365-best", "places365"),
    ],
)
def test_missing_folder_of_a_known_set(repo, tmp_path, monkeypatch, leaf, name):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path))
    cfg = Config.fromfile(repo / "configs" / "cls" / f"{leaf}.py")
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        with pytest.raises(FileNotFoundError, match=f"get it with `tricklift prepare {name} --ro"):
            build(loader.dataset.data_root)


def test_known_sets_are_those_that_can_be_prepared():
    assert set(PREPARED.values()) <= set(NAMES)
    assert all(SETS[name].folder == place for place, name in PREPARED.items() if name in SETS)


def test_no_class_folders(tmp_path):
    with pytest.raises(ValueError, match="holds no class folders"):
        build(tmp_path)


def test_empty_class(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val" / "dog").mkdir()
    with pytest.raises(ValueError, match=r"class folder '.*dog' is empty"):
        build(tmp_path / "val")


def test_wrong_number_of_classes(class_folders):
    with pytest.raises(ValueError, match="holds 3 classes, the config says num_classes=10"):
        build(class_folders / "val", num_classes=10)


def test_unreadable_image_is_found_before_training(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val" / "bee" / "bad.jpg").write_bytes(b"not a picture")
    with pytest.raises(
        ValueError, match=r"bee/bad.jpg: cannot be read as an image \(it does .*\); fetch or"
    ):
        build(tmp_path / "val")


def test_image_that_cannot_be_opened_is_found_before_training(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val" / "bee" / "link.jpg").symlink_to("gone")
    with pytest.raises(
        FileNotFoundError, match=r"link.jpg: no such image; add it, or correct the name"
    ):
        build(tmp_path / "val")


@pytest.mark.parametrize("cut", [30, 300, -100, -2, -1])
def test_cut_image_is_found_before_training(class_folders, tmp_path, cut):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    path = tmp_path / "val" / "cow" / "0.jpg"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(
        ValueError, match=r"cow/0.jpg: cannot be read as an image \(.*\); fetch or write"
    ):
        build(tmp_path / "val")
    with pytest.raises(
        ValueError, match=r"cannot decode the image '.*cow/0.jpg': its end is missing; replace or"
    ):
        build(tmp_path / "val", checked_files=0)[8]


@pytest.mark.parametrize("more", [10, 1000])
def test_bytes_after_the_picture_do_no_harm(class_folders, tmp_path, more):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    path = tmp_path / "val" / "cow" / "0.jpg"
    path.write_bytes(path.read_bytes() + bytes(more))
    whole, longer = build(class_folders / "val")[8], build(tmp_path / "val")[8]
    assert whole["inputs"].equal(longer["inputs"])


def test_damaged_image_is_named_when_it_is_decoded(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    good = (tmp_path / "val" / "ant" / "0.jpg").read_bytes()
    (tmp_path / "val" / "ant" / "0.jpg").write_bytes(good[:30] + good[-2:])
    with pytest.raises(ValueError, match=r"cannot decode the image '.*ant/0.jpg'"):
        build(tmp_path / "val", checked_files=0)[0]


def test_a_large_set_is_listed_and_checked_once(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(class_folders / "val", tmp_path / "val")
    first = build(tmp_path / "val", cached_from=1)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    monkeypatch.setattr(ClassFolders, "listed_by_folder", None)  # calling it would be an error
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


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no folder", "Not a directory"),
        (None, "Could not determine home directory"),
    ],
)
def test_a_list_that_cannot_be_kept_does_not_stop_a_run(
    class_folders, tmp_path, monkeypatch, capsys, place, reason
):
    (tmp_path / "no folder").touch()
    if place is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # an account without a home
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place))
    MMLogger.get_instance(f"cache-{tmp_path.name}")  # writes to what capsys reads
    assert len(build(class_folders / "val", cached_from=1)) == 12
    said = "".join(capsys.readouterr())
    assert said.count("is not kept for the next start") == 1 and reason in said
    build(class_folders / "val")  # too small to be kept
    assert "is not kept" not in "".join(capsys.readouterr())


def test_a_part_of_the_set(class_folders):
    whole = build(class_folders / "val")
    for indices, places in ((2, [0, 1]), ([3, 1], [3, 1])):
        part = build(class_folders / "val", indices=indices)
        assert [part.get_data_info(i)["img_path"] for i in range(len(part))] == [
            whole.get_data_info(place)["img_path"] for place in places
        ]


def test_pictures_at_any_depth_as_torchvision_lists_them(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    for place in ("bee/images/9.jpg", "ant/more/a/8.jpg", "ant/zz.JPEG"):
        (tmp_path / "val" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "val/cow/0.jpg", tmp_path / "val" / place)
    ours = build(tmp_path / "val")
    listed = [(d["img_path"], d["gt_label"]) for d in map(ours.get_data_info, range(len(ours)))]
    theirs = torchvision.datasets.ImageFolder(tmp_path / "val").samples
    assert sorted(listed) == sorted(theirs) and len(listed) == 15


def test_a_change_in_a_folder_below_a_class_is_seen(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val/bee/images").mkdir()
    shutil.copy(tmp_path / "val/cow/0.jpg", tmp_path / "val/bee/images/1.jpg")
    before = build(tmp_path / "val", cached_from=1)
    os.utime(tmp_path / "val/bee/images", ns=(0, 0))
    assert len(build(tmp_path / "val", cached_from=1)) == len(before)
    shutil.copy(tmp_path / "val/cow/0.jpg", tmp_path / "val/bee/images/2.jpg")
    assert len(build(tmp_path / "val", cached_from=1)) == len(before) + 1


def test_what_is_left_out_is_counted(class_folders, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val/.ipynb_checkpoints").mkdir()
    shutil.copy(tmp_path / "val/cow/0.jpg", tmp_path / "val/.ipynb_checkpoints/0-checkpoint.jpg")
    (tmp_path / "val/bee/notes.txt").touch()
    for _ in range(2):  # the second time from the kept list
        data = build(tmp_path / "val", cached_from=1)
        assert list(data.metainfo["classes"]) == ["ant", "bee", "cow"]
        assert [line.partition(" (")[0] for line in data.repairs] == [
            "1 x hidden or system file or folder left out",
            "1 x file left out that is no picture by its suffix",
        ]


def test_a_bad_image_is_skipped_where_asked_and_the_result_counts_it(class_folders, tiny_config):
    cfg = tiny_config(epochs=1)
    root = Path(cfg.work_dir).parent / "data"
    shutil.copytree(class_folders, root)
    for place in ("train/bee/0.jpg", "train/cow/3.jpg", "val/ant/1.jpg"):
        (root / place).write_bytes((root / place).read_bytes()[:200])
    for split, loader in (("train", cfg.train_dataloader), ("val", cfg.val_dataloader)):
        loader.dataset.update(data_root=str(root / split), on_bad_image="skip")
    with pytest.raises(ValueError, match=r"(?s)2 of 36 items are wrong.*or on_bad_image='skip' in"):
        build(root / "train")
    train(cfg)
    held = json.loads((Path(cfg.work_dir) / "result.json").read_text())["data"]
    assert held["repairs"] == {"train": ["2 x bad image skipped"], "val": ["1 x bad image skipped"]}
    assert (held["splits"]["train"]["images"], held["splits"]["val"]["images"]) == (34, 11)


def test_a_class_of_bad_images_alone_is_not_skipped(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    for path in (tmp_path / "val/bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"of class 'bee' no image is left \(4 x bad image skip"):
        build(tmp_path / "val", on_bad_image="skip")


def test_a_link_to_the_set_itself_is_no_class(class_folders, tmp_path):
    shutil.copytree(class_folders / "val", tmp_path / "val")
    (tmp_path / "val/all").symlink_to(".")
    (tmp_path / "val/loop").symlink_to("loop")
    data = build(tmp_path / "val")
    assert list(data.metainfo["classes"]) == ["ant", "bee", "cow"] and len(data) == 12
    assert data.repairs == (f"1 x link to a folder above left out (first: {tmp_path}/val/all)",)


def test_a_list_in_the_place_of_the_folders(class_folders, tmp_path):
    lines = ["cow/0.jpg\tcow", "ant/0.jpg\tant", "ant/1.jpg\tant"]
    file = tmp_path / "some.txt"
    file.write_text("\n".join(lines))
    data = build(class_folders / "val", ann_file=str(file))
    listed = [(d["img_path"], d["gt_label"]) for d in map(data.get_data_info, range(len(data)))]
    root = class_folders / "val"
    assert listed == [(f"{root}/ant/0.jpg", 0), (f"{root}/ant/1.jpg", 0), (f"{root}/cow/0.jpg", 1)]
    names = ["ant", "bee", "cow"]
    data = build(root, ann_file=str(file), metainfo={"classes": names})
    assert data.get_data_info(2)["gt_label"] == 2
    for line, words in (
        ("ant/0.jpg", r"'ant/0.jpg' has no class; a line is a path below .*, a tab, and the class"),
        ("ant/0.jpg\tdog", r"ant/0.jpg is of class 'dog'; known: ant, bee, cow; correct it"),
        ("ant/99.jpg\tant", r"ant/99.jpg: no such image; add it, or correct"),
    ):
        file.write_text(line)
        with pytest.raises(ValueError, match=words):
            build(root, ann_file=str(file), metainfo={"classes": names})
    file.write_text("\n".join(lines))
    with pytest.raises(
        ValueError, match=r"some.txt holds 2 classes, the config says num_classes=3"
    ):
        build(root, ann_file=str(file), num_classes=3)
