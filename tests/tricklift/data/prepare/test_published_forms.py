"""Tiny ImageNet and Groceries from what is published: a zip archive, or a folder that holds it."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tricklift.data import prepare
from tricklift.data.prepare import SETS, layouts
from tricklift.data.prepare.published import Archive
from tricklift.data.prepare.sets import Expected


def picture(shade: int) -> bytes:
    """A real picture of one pixel (PNG, whatever it will be called)."""
    file = io.BytesIO()
    Image.new("L", (1, 1), shade).save(file, "PNG")
    return file.getvalue()


CHOSEN = sorted(layouts.chosen(layouts.TINY_IMAGENET_LIST))
TRAINVAL, TEST = (
    layouts.list_of(layouts.GROCERIES_LISTS[split]).split() for split in ("trainval", "test")
)
#: Two classes of the list and one that is not of it, two validation pictures of each.
WNIDS = (*CHOSEN[:2], "n00000009")
TINY = {
    "wnids.txt": b"",
    **{f"train/{w}/{w}_boxes.txt": b"" for w in WNIDS},
    **{f"train/{w}/images/{w}_{i}.JPEG": picture(i) for w in WNIDS for i in range(3)},
    **{f"val/images/val_{i}.JPEG": picture(9 + i) for i in range(6)},
    "val/val_annotations.txt": "".join(
        f"val_{i}.JPEG\t{WNIDS[i % 3]}\t0\t44\t27\t61\n" for i in range(6)
    ).encode(),
    "test/images/test_0.JPEG": b"",
}
NAMES = (TRAINVAL[0], TEST[0], "BEANS9999")
GROCERIES = {
    "README.md": b"",
    **{f"dataset/images/beans/{name}.png": picture(i) for i, name in enumerate(NAMES)},
    **{f"dataset/annotations/beans/{name}.xml": b"<annotation/>" for name in NAMES},
    f"dataset/annotations/{TEST[0]}.xml": b"an old one",
}
PUBLISHED = {
    "tiny-imagenet": ("tiny-imagenet-200", TINY, {"train": 6, "val": 4}),
    "groceries": (
        "groceries-object-detection-dataset",
        GROCERIES,
        {"JPEGImages": 2, "Annotations": 2, "ImageSets/Main": 2},
    ),
}


@pytest.fixture
def published(tmp_path, monkeypatch, request) -> tuple[str, Path]:
    """A set whose parts are few, and the folder with its published archive, unpacked or not."""
    name, form = request.param
    top, contents, counts = PUBLISHED[name]
    place = tmp_path / "fetched" / top
    for path, data in contents.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    archives = SETS[name].archives()
    if form == "zip":
        file = archives[0].name.removesuffix(".zip")
        shutil.make_archive(str(place.with_name(file)), "zip", place.parent, top)
        shutil.rmtree(place)
    part = replace(SETS[name].parts[0], expected=Expected(counts=counts))
    known = tuple(Archive(a.name, unpacked=a.unpacked) for a in archives)
    shrunk = replace(SETS[name], parts=(part,), archives=lambda: known)
    monkeypatch.setitem(prepare.SETS, name, shrunk)
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "none"))
    return name, place if form == "itself" else place.parent


FORMS = [(name, form) for name in PUBLISHED for form in ("zip", "folder", "itself")]


@pytest.mark.parametrize("published", FORMS, indirect=True)
def test_what_is_published_becomes_the_layout_of_ours(published, tmp_path):
    name, source = published
    place = prepare.prepare(name, tmp_path / "root", source=source)
    files = {str(f.relative_to(place)): f.read_bytes() for f in place.rglob("*") if f.is_file()}
    if name == "tiny-imagenet":
        wanted = {f"train/{w}/{w}_{i}.JPEG": picture(i) for w in WNIDS[:2] for i in range(3)}
        wanted |= {f"val/{WNIDS[i % 3]}/val_{i}.JPEG": picture(9 + i) for i in (0, 1, 3, 4)}
        lists = layouts.tiny_imagenet_lists()
    else:
        wanted = {f"JPEGImages/{stem}.png": picture(i) for i, stem in enumerate(NAMES[:2])}
        wanted |= {f"Annotations/{stem}.xml": b"<annotation/>" for stem in NAMES[:2]}
        lists = layouts.groceries_lists()
    assert files == wanted | {path: text.encode() for path, text in lists.items()}
    assert prepare.missing(name, tmp_path / "root") is None


def test_a_pack_that_is_at_hand_is_taken(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_DATA", str(shared_data))
    place = prepare.prepare("groceries", tmp_path)
    held = json.loads((tmp_path / ".tricklift/groceries.json").read_text())
    assert held["title"] == "Freiburg Groceries"
    for path, text in layouts.groceries_lists().items():
        assert (place / path).read_text() == text


def test_the_lists_are_of_the_sizes_that_the_sets_have():
    assert len(CHOSEN) == 100
    assert (len(TRAINVAL), len(TEST)) == (1_500, 1_014)
    assert not set(TRAINVAL) & set(TEST)


def test_without_the_repository_it_is_said_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path))
    wanted = r"not downloaded .*no licence stated\): fetch https://github.com/aleksandar-.* clone"
    with pytest.raises(FileNotFoundError, match=wanted):
        prepare.prepare("groceries", tmp_path / "root")
