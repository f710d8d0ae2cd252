"""Every reader of pictures reads a kind right, or names it before training, or skips and counts it.

What is right is what Pillow reads.
"""

import io
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from odd_pictures import KINDS, READ, REFUSED, SIDES, TURNED, Kind, smooth, turned, written
from PIL import Image, ImageOps

from cls.transforms import DecodeImage, DecodeRandomResizedCrop
from tricklift.data.headers import image_header
from tricklift.errors import BadPictureError, UserError
from tricklift.own.report import build

LOAD = [{"type": "LoadImageFromFile"}]
Make = Callable[..., Any]


def stored_size(data: bytes) -> tuple[int, int]:
    """Of a file, or of the picture that it was to be."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except OSError:
        return SIDES


def class_folders(root: Path, files: dict[str, bytes], **options: Any) -> Any:
    for name, data in files.items():
        for label in "ab":
            (root / label).mkdir(parents=True, exist_ok=True)
            (root / label / name).write_bytes(data if label == "a" else written("PNG")())
    return {"type": "ClassFolders", "data_root": str(root), "pipeline": [{"type": "DecodeImage"}]}


def voc(root: Path, files: dict[str, bytes], size: tuple[int, int] | None = None) -> Any:
    for folder in ("JPEGImages", "Annotations"):
        (root / folder).mkdir(parents=True)
    for name, data in files.items():
        (root / "JPEGImages" / name).write_bytes(data)
        wide, high = size or stored_size(data)
        (root / "Annotations" / f"{Path(name).stem}.xml").write_text(
            f"<annotation><size><width>{wide}</width><height>{high}</height></size></annotation>"
        )
    (root / "list.txt").write_text("\n".join(Path(name).stem for name in files))
    where = {"data_root": str(root), "ann_file": "list.txt", "data_prefix": {"sub_data_root": ""}}
    return {"type": "CheckedXMLDataset", **where, "images_without_boxes": "background", **NAMED}


def coco(root: Path, files: dict[str, bytes], size: tuple[int, int] | None = None) -> Any:
    images = []
    for number, (name, data) in enumerate(files.items()):
        root.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        wide, high = size or stored_size(data)
        images.append({"id": number, "file_name": name, "width": wide, "height": high})
    held = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (root / "boxes.json").write_text(json.dumps(held))
    where = {"data_root": str(root), "ann_file": "boxes.json"}
    return {"type": "CheckedCocoDataset", **where, "images_without_boxes": "background", **NAMED}


def masks(root: Path, files: dict[str, bytes], size: tuple[int, int] | None = None) -> Any:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name, data in files.items():
        (root / "images" / name).write_bytes(data)
        wide, high = size or stored_size(data)
        labels = np.resize(np.array([0, 1], np.uint8), (high, wide)) if wide * high < 1e7 else 0
        mask = Image.fromarray(labels) if wide * high < 1e7 else Image.new("L", (1, 1))
        mask.save(root / "masks" / f"{Path(name).stem}.png")
    where = {"img_path": str(root / "images"), "seg_map_path": str(root / "masks")}
    named = {"metainfo": {"classes": ("ground", "cat")}, "reduce_zero_label": False}
    return {"type": "CheckedSegDataset", "data_prefix": where, **named}


NAMED = {"metainfo": {"classes": ("cat",)}}
READERS: dict[str, tuple[str, Make]] = {
    "class folders": ("cls", class_folders),
    "VOC": ("det", voc),
    "COCO": ("det", coco),
    "masks": ("seg", masks),
}
BOXES_AND_MASKS = {name: it for name, it in READERS.items() if it[0] != "cls"}


def read(reader: str, root: Path, kind: Kind, size: Any = None, **options: Any) -> Any:
    """The data set of two pictures: a good one, and one of the kind."""
    task, make = READERS[reader]
    files = {f"odd{kind.suffix}": kind.make(), "good.png": written("PNG")()}
    settings = make(root, files, **({"size": size} if size else {}))
    import_module(task)
    init_default_scope({"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}[task])
    return build({"pipeline": LOAD, **settings, **options}, task)


def pixels_of(data: Any, name: str = "odd") -> np.ndarray:
    """What a training gets of a picture, RGB."""
    found = [i for i in range(len(data)) if name in Path(data.get_data_info(i)["img_path"]).name]
    image = data[found[0]]["img"]
    return image if "ClassFolders" in type(data).__name__ else image[..., ::-1]


def told(data: Any) -> str:
    repairs = data.repairs
    return "; ".join(repairs) if isinstance(repairs, tuple) else str(repairs)


def wanted(kind: Kind) -> np.ndarray:
    image = Image.open(io.BytesIO(kind.make()))
    image = ImageOps.exif_transpose(image) if kind.turns else image
    return np.asarray(image.convert("RGB"))


def differs(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", READ)
def test_read_as_pillow_reads_it(name, reader, tmp_path):
    kind = READ[name]
    data = read(reader, tmp_path / "data", kind)
    assert differs(pixels_of(data), wanted(kind)) <= 2
    assert kind.counted in told(data) and bool(kind.counted) == bool(told(data))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_or_skipped_and_counted(name, reader, tmp_path):
    kind = REFUSED[name]
    with pytest.raises(BadPictureError if reader else UserError, match=kind.refused) as error:
        read(reader, tmp_path / "data", kind)
    assert f"odd{kind.suffix}" in str(error.value)
    whole = 4 if reader == "class folders" else 2
    data = read(reader, tmp_path / "again", kind, on_bad_image="skip")
    assert len(data) == whole - 1 and "1 x bad image skipped (first: " in told(data)
    assert f"odd{kind.suffix}" in told(data)
    assert differs(pixels_of(data, "good"), smooth()) == 0


@pytest.mark.parametrize("name", TURNED)
def test_class_folders_turn_it_as_pillow_does(name, tmp_path):
    data = read("class folders", tmp_path / "data", TURNED[name])
    assert differs(pixels_of(data), wanted(TURNED[name])) <= 2 and not told(data)


@pytest.mark.parametrize("reader", BOXES_AND_MASKS)
@pytest.mark.parametrize("name", TURNED)
def test_boxes_and_masks_must_be_of_the_turned_frame(name, reader, tmp_path):
    kind = TURNED[name]
    size = wanted(kind).shape[1::-1]
    if size == SIDES:  # mirrored or upside down: the sides do not tell
        with pytest.raises(BadPictureError, match=r"the EXIF orientation \d of .*does not say, so"):
            read(reader, tmp_path / "data", kind, size)
    else:
        data = read_beside(reader, tmp_path / "data", kind, size)
        assert differs(pixels_of(data), wanted(kind)) <= 2
        assert "1 x picture turned by its EXIF orientation, as its annotation is" in told(data)
        with pytest.raises(
            BadPictureError,
            match=r"the EXIF orientation \d of .*odd.png .*90x60.* was written without it.*exiftool"
            r" -Orientation= FILE.*mogrify -auto-orient",
        ):
            read(reader, tmp_path / "stored", kind, SIDES)
    data = read(reader, tmp_path / "again", kind, SIDES, on_bad_image="skip")
    assert len(data) == 1 and "1 x bad image skipped" in told(data)


def read_beside(reader: str, root: Path, kind: Kind, size: Any) -> Any:
    """The picture alone, with an annotation of that size."""
    task, make = READERS[reader]
    return build({"pipeline": LOAD, **make(root, {"odd.png": kind.make()}, size)}, task)


@pytest.mark.parametrize("reader", BOXES_AND_MASKS)
def test_a_turned_square_does_not_tell(reader, tmp_path):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth(60, 60)).save(file, "JPEG", exif=exif)
    with pytest.raises(BadPictureError, match=r"the EXIF orientation 6 of .*does not say"):
        read_beside(reader, tmp_path, Kind(file.getvalue), (60, 60))


@pytest.mark.parametrize("reader", ("VOC", "COCO"))
def test_boxes_without_a_size_do_not_tell(reader, tmp_path):
    with pytest.raises(BadPictureError, match=r"the EXIF orientation 6 of .*does not say"):
        read_beside(reader, tmp_path, Kind(turned("JPEG", 6)), (0, 0))


@pytest.mark.parametrize("name", [*READ, *TURNED])
@pytest.mark.parametrize("size", [20, 80])
def test_the_fast_decoding_agrees_with_the_slow_one(name, size, tmp_path):
    """At the whole picture's crop: 20 is decoded at half the size, 80 is not."""
    path = tmp_path / f"odd{KINDS[name].suffix}"
    path.write_bytes(KINDS[name].make())
    slow = DecodeImage().transform({"img_path": str(path)})["img"]
    assert differs(slow, wanted(KINDS[name])) <= 2
    crops = []
    for reduced in (False, True):
        step = DecodeRandomResizedCrop(size=size, scale=(1, 1), ratio=(1e-9, 1e9), reduced=reduced)
        step.box = lambda height, width: (0, 0, height, width)
        crops.append(step.transform({"img_path": str(path)})["img"].astype(int))
    assert np.abs(crops[0] - crops[1]).mean() < 4


@pytest.mark.parametrize("reader", READERS)
def test_the_limit_of_pixels_is_one_setting(reader, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", str(SIDES[0] * SIDES[1] - 1))
    kind = Kind(written("JPEG"), suffix=".jpg")
    with pytest.raises(UserError, match=r"90x60 pixels are more than 5399; .*_MAX_PIXELS=5400 in"):
        read(reader, tmp_path / "low", kind)
    monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", str(SIDES[0] * SIDES[1]))
    assert pixels_of(read(reader, tmp_path / "enough", kind)).shape == (60, 90, 3)
    for wrong in ("many", "0", "1e8", str(2**30 + 1)):
        monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", wrong)
        with pytest.raises(UserError, match=rf"TRICKLIFT_MAX_PIXELS is '{wrong}'; it takes a num"):
            read(reader, tmp_path / wrong, kind)


@pytest.mark.parametrize("reader", READERS)
def test_what_may_become_of_a_bad_image(reader, tmp_path):
    kind = Kind(written("PNG"))
    with pytest.raises(UserError, match="on_bad_image must be one of error, skip; got 'drop'"):
        read(reader, tmp_path / "data", kind, on_bad_image="drop")


@pytest.mark.parametrize("reader", READERS)
def test_nothing_left(reader, tmp_path):
    task, make = READERS[reader]
    settings = make(tmp_path, {"odd.png": b""})
    with pytest.raises(UserError, match=r"no image is left .*1 x bad image skipped"):
        build({"pipeline": LOAD, **settings, "on_bad_image": "skip"}, task)


def test_a_picture_that_is_not_there_is_no_bad_one(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"gone.png: no such image; add it, or correct"
    ) as e:
        image_header(tmp_path / "gone.png")
    assert not isinstance(e.value, BadPictureError)
