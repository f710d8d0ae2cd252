"""Masks of every kind in a folder of one's own: `check` says what a training's reader says."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from odd_masks import COLOURS, READ, REFUSED, coloured, laid
from own_data import ade, mask
from PIL import Image

from tricklift.errors import UserError
from tricklift.own.layouts import find
from tricklift.own.report import build, reader_settings, report, to_text
from tricklift.own.written import config_for
from tricklift.records.atomic import read_json


@pytest.fixture(autouse=True)
def no_collection(monkeypatch):
    """mmengine collects garbage for each data set, which takes 0.3 s here."""
    monkeypatch.setattr("gc.collect", lambda: 0)


def lay(root, writers, suffix, ids, names=("ground", "cat", "dog"), images=5):
    """Images with masks, without splits; one writer for all, or one each."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    many = writers if isinstance(writers, list) else [writers] * images
    for number, writer in enumerate(many):
        Image.new("RGB", ids.shape[::-1], (number, 0, 0)).save(root / "images" / f"{number}.png")
        writer(root / "masks" / f"{number}{suffix}", ids)
    if names:
        (root / "classes.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def grouped(table):
    """What a table holds for each suffix (in small letters), which is that of a whole folder."""
    groups = {}
    for suffix, writer, more in table.values():
        groups.setdefault(suffix.lower(), []).append((writer, more))
    return groups.items()


@pytest.mark.parametrize("highest", [1, 2])
def test_what_is_read_is_counted_by_class(tmp_path, highest):
    table = {kind: row for kind, row in READ.items() if row[2] == highest}
    names = ("ground", "cat", "dog")[: highest + 1]
    for suffix, rows in grouped(table):
        writers = [writer for writer, _ in rows] * (1 + (len(rows) == 1))  # one is no split
        root = lay(tmp_path / suffix, writers, suffix, laid(highest=highest), names)
        found = report(find(root), tmp_path / f"{suffix}-lists")
        assert not found.wrong
        assert found.train.images + found.val.images == len(writers)
        assert dict(found.layout.counts) == dict.fromkeys(names, len(writers))


def test_what_is_refused_is_what_a_training_refuses(tmp_path):
    for suffix, rows in grouped(REFUSED):
        writers = [writer for writer, _ in rows] * (1 + (len(rows) == 1))
        layout = find(lay(tmp_path / suffix, writers, suffix, laid()), "seg")
        place = tmp_path / f"{suffix}-lists"
        found = report(layout, place)
        for split in ("train", "val"):
            settings = reader_settings(layout, getattr(layout, split), place, split)
            with pytest.raises(UserError) as refused:
                build(settings, "seg")
            wanted = list(refused.value.findings) or [str(refused.value)]
            assert getattr(found, split).wrong == wanted


LISTS = [
    ("classes.txt", "ground: 0,0,0\ncat: #800000\ndog: 0, 128, 0\nignored: 224,224,192\n"),
    (  # as CVAT exports it
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nground:0,0,0::\ncat:128,0,0::\ndog:0,128,0::\n"
        "ignored:224,224,192::\n",
    ),
]


@pytest.mark.parametrize(("file", "text"), LISTS)
def test_colours_beside_the_names(tmp_path, file, text):
    root = lay(tmp_path / "d", coloured, ".png", laid(), names=())
    assert "line `name: #rrggbb` for each class" in " ".join(report(find(root), tmp_path).wrong)
    (root / file).write_text(text)
    layout = find(root)
    assert layout.classes == ("ground", "cat", "dog") and not layout.settings["reduce_zero_label"]
    found = report(layout, tmp_path)
    assert not found.wrong and set(layout.counts.values()) == {5}
    only = find(root, classes=("dog", "cat"))
    init_default_scope("mmseg")
    data = build({**reader_settings(only, only.train, tmp_path, "val"), "pipeline": LOAD}, "seg")
    labels = data[0]["data_samples"].gt_sem_seg.data.numpy()[0]
    np.testing.assert_array_equal(labels, np.array([255, 1, 0] + [255] * 253)[laid()])
    with pytest.raises(UserError, match="no class 'cow'; the masks have ground, cat, dog"):
        find(root, classes=("cow",))


LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}]


def test_black_and_white(tmp_path):
    def writer(path, ids):
        Image.fromarray(ids * 255).save(path)

    root = lay(tmp_path / "d", writer, ".png", laid(highest=1), names=())
    said = " ".join(report(find(root), tmp_path).wrong)
    assert "label ids 0, 255 alone" in said and "line `name: 255` for each class in classes" in said
    (root / "classes.txt").write_text("ground: 0\ncat: 255\n")
    found = report(find(root), tmp_path)
    assert not found.wrong and dict(found.layout.counts) == {"ground": 5, "cat": 5}


@pytest.mark.parametrize("names", [("cat", "dog"), ()])
def test_ids_that_start_at_1(tmp_path, names):
    def writer(path, ids):
        Image.fromarray(ids % 2 + 1).save(path)

    layout = find(lay(tmp_path / "d", writer, ".png", laid(), names))
    assert layout.settings["reduce_zero_label"]
    assert dict(layout.counts) == dict.fromkeys(names or ("class 1", "class 2"), 5)
    assert not report(layout, tmp_path).wrong


def test_a_list_with_some_values(tmp_path):
    root = lay(tmp_path / "d", coloured, ".png", laid(), names=("ground: 0,0,0", "cat"))
    with pytest.raises(UserError, match=r"classes.txt: 'cat' has no value or colour, and other"):
        find(root)
    (root / "classes.txt").write_text("cat: 0\ncat: 1\n")
    with pytest.raises(UserError, match=r"classes.txt: a name stands there twice"):
        find(root)


def test_images_without_masks_and_masks_without_images_are_counted(tmp_path):
    root = lay(tmp_path / "d", READ["8-bit PNG"][1], ".png", laid(), images=6)
    (root / "masks/2.png").unlink()
    mask(root / "masks/more.png")
    found = report(find(root), tmp_path)
    assert "1 images have no mask and are left out: 2.png" in to_text(found)
    assert "1 x mask without an image passed over" in " ".join(found.train.mended)


def test_a_switch_leaves_images_without_masks_out(tmp_path):
    """Splits with a mask missing are refused, or skipped where a tier file asks for it."""
    root = tmp_path / "d"
    ade(root)
    (root / "annotations/train/3.png").unlink()

    def written(**more):
        config_for("seg/own", {"path": root, **more}, tmp_path / "own", say=said.append)

    said = []
    with pytest.raises(UserError, match=r"3.png is missing; .* `images_without_masks: skip`"):
        written()
    written(images_without_masks="skip")
    assert "train: 1 x image without a mask left out" in "".join(said)
    text = (tmp_path / "own/seg.py").read_text()
    assert text.count("images_without_masks=") == 2
    with pytest.raises(UserError, match="own data take path, classes, size, epochs, on_bad_image "):
        config_for("det/own", {"path": root, "images_without_masks": "skip"}, tmp_path / "own")


def test_an_empty_folder_of_masks(tmp_path):
    root = lay(tmp_path / "d", READ["8-bit PNG"][1], ".png", laid())
    for path in (root / "masks").iterdir():
        path.unlink()
    with pytest.raises(
        UserError, match=r"masks is empty; put the masks there, or remove the folder"
    ):
        find(root)


def test_a_training_says_what_it_left_out(tmp_path):
    """Counts of masks land in the result, whatever command trains."""
    root = lay(tmp_path / "d", coloured, ".png", laid(), names=())
    mask(root / "masks/more.png")
    text = "".join(
        f"{'ignored' if k == 255 else k}: {','.join(map(str, v))}\n" for k, v in COLOURS.items()
    )
    (root / "classes.txt").write_text(text + "cow: 9,9,9\n")
    file = config_for("seg/own", root, tmp_path / "own", say=lambda line: None)
    config = Config.fromfile(file)
    assert config.train_dataloader.dataset.mask_values["128,0,0"] == 1
    small = {"num_workers": 0, "persistent_workers": False}
    for name in ("train", "val", "test"):
        config[f"{name}_dataloader"].update(small)
    config.train_dataloader.batch_size = 2
    config.merge_from_dict({"train_cfg.max_iters": 1, "train_cfg.val_interval": 1})
    config.merge_from_dict({"param_scheduler.0.end": 1, "work_dir": str(tmp_path / "w")})
    run = Runner.from_cfg(config)
    run.train()
    said = read_json(tmp_path / "w/result.json")["data"]["repairs"]
    assert said["train"] == [
        "1 x mask without an image passed over",
        "1 x class that no mask holds",
    ]
