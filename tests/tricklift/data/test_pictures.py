"""Every reader of pictures reads a kind right, or names it before training, or skips and counts it.

What is right is what Pillow reads. A reader gets all kinds in one data set: building takes longer
than looking.
"""

import io
import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from odd_pictures import READ, REFUSED, SIDES, TURNED, Kind, smooth, turned, written
from PIL import Image, ImageOps

from cls.transforms import DecodeImage, DecodeRandomResizedCrop
from tricklift.data.headers import image_header
from tricklift.errors import BadPictureError, UserError
from tricklift.own.report import build

Size = tuple[int, int]
GOOD = Kind(written("PNG"))
NAMED = {"metainfo": {"classes": ("cat",)}}


class Files:
    """Pictures of some kinds, each with the size that an annotation of it gives."""

    def __init__(self, kinds: Mapping[str, Kind], size: Callable[[bytes], Size] | None = None):
        self.content = {}
        self.sizes = {}
        for place, kind in enumerate(kinds.values()):
            name = f"{place:03}{kind.suffix}"
            self.content[name] = kind.make()
            self.sizes[name] = (size or stored_size)(self.content[name])


def stored_size(data: bytes) -> Size:
    """Of a file, or of the picture that it was to be."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (OSError, Image.DecompressionBombError):
        return SIDES


def turned_size(data: bytes) -> Size:
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).size


def class_folders(root: Path, files: Files) -> dict[str, Any]:
    (root / "a").mkdir(parents=True)
    for name, data in files.content.items():
        (root / "a" / name).write_bytes(data)
    return {"type": "ClassFolders", "data_root": str(root), "pipeline": [{"type": "DecodeImage"}]}


def voc(root: Path, files: Files) -> dict[str, Any]:
    for folder in ("JPEGImages", "Annotations"):
        (root / folder).mkdir(parents=True)
    for name, data in files.content.items():
        (root / "JPEGImages" / name).write_bytes(data)
        wide, high = files.sizes[name]
        (root / "Annotations" / f"{Path(name).stem}.xml").write_text(
            f"<annotation><size><width>{wide}</width><height>{high}</height></size></annotation>"
        )
    (root / "list.txt").write_text("\n".join(Path(name).stem for name in files.content))
    where = {"data_root": str(root), "ann_file": "list.txt", "data_prefix": {"sub_data_root": ""}}
    return {"type": "CheckedXMLDataset", **where, "images_without_boxes": "background", **NAMED}


def coco(root: Path, files: Files) -> dict[str, Any]:
    root.mkdir(parents=True)
    images = []
    for number, (name, data) in enumerate(files.content.items()):
        (root / name).write_bytes(data)
        wide, high = files.sizes[name]
        images.append({"id": number, "file_name": name, "width": wide, "height": high})
    held = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "cat"}]}
    (root / "boxes.json").write_text(json.dumps(held))
    where = {"data_root": str(root), "ann_file": "boxes.json"}
    return {"type": "CheckedCocoDataset", **where, "images_without_boxes": "background", **NAMED}


def masks(root: Path, files: Files) -> dict[str, Any]:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name, data in files.content.items():
        (root / "images" / name).write_bytes(data)
        wide, high = files.sizes[name]
        labels = np.resize(np.array([1, 0], np.uint8), (high, wide))
        Image.fromarray(labels).save(root / "masks" / f"{Path(name).stem}.png")
    where = {"img_path": str(root / "images"), "seg_map_path": str(root / "masks")}
    named = {"metainfo": {"classes": ("ground", "cat")}, "reduce_zero_label": False}
    return {"type": "CheckedSegDataset", "data_prefix": where, **named}


READERS: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "class folders": ("cls", class_folders),
    "VOC": ("det", voc),
    "COCO": ("det", coco),
    "masks": ("seg", masks),
}
BOXES_AND_MASKS = ("VOC", "COCO", "masks")


def read(reader: str, root: Path, files: Files, **options: Any) -> Any:
    task, make = READERS[reader]
    import_module(task)
    init_default_scope({"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}[task])
    load = {"pipeline": [{"type": "LoadImageFromFile"}]}
    return build({**load, **make(root, files), **options}, task)


def pixels_of(data: Any) -> dict[str, np.ndarray]:
    """File -> what a training gets of it, RGB."""
    found = {}
    for place in range(len(data)):
        image = data[place]["img"]
        name = Path(data.get_data_info(place)["img_path"]).name
        found[name] = image if "ClassFolders" in type(data).__name__ else image[..., ::-1]
    return found


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


def wrong(kinds: Mapping[str, Kind], found: Mapping[str, np.ndarray]) -> list[str]:
    """Kinds of which other pixels came than Pillow reads."""
    pairs = zip(kinds.items(), found.values(), strict=True)
    return [
        name
        for (name, kind), pixels in pairs
        if pixels.shape != wanted(kind).shape or differs(pixels, wanted(kind)) > 2
    ]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("reader", READERS)
def test_read_as_pillow_reads_it(reader, tmp_path):
    data = read(reader, tmp_path / "data", Files(READ, turned_size_if(READ)))
    assert wrong(READ, dict(sorted(pixels_of(data).items()))) == []
    counted = [kind.counted for kind in READ.values() if kind.counted]
    assert told(data).startswith(f"{len(counted)} x {counted[0]} (first: ")
    assert told(data).count(" x ") == 1


def turned_size_if(kinds: Mapping[str, Kind]) -> Callable[[bytes], Size]:
    """Sizes of pictures whose orientation counts: that of XMP does not."""
    stays = {kind.make() for kind in kinds.values() if not kind.turns}
    return lambda data: stored_size(data) if data in stays else turned_size(data)


@pytest.mark.parametrize("reader", READERS)
def test_refused_by_name_or_skipped_and_counted(reader, tmp_path):
    kinds = {**REFUSED, "good": GOOD}
    with pytest.raises(
        BadPictureError, match=rf"(?s){len(REFUSED)} of {len(kinds)} items .*skip'"
    ) as e:
        read(reader, tmp_path / "data", Files(kinds))
    findings = dict(zip(REFUSED.items(), e.value.findings, strict=True))
    for place, ((name, kind), finding) in enumerate(findings.items()):
        assert f"{place:03}{kind.suffix}: " in finding and re.search(kind.refused, finding), name
    data = read(reader, tmp_path / "again", Files(kinds), on_bad_image="skip")
    assert told(data).startswith(f"{len(REFUSED)} x bad image skipped (first: ")
    (pixels,) = pixels_of(data).values()
    assert differs(pixels, smooth()) == 0


def test_class_folders_turn_it_as_pillow_does(tmp_path):
    data = read("class folders", tmp_path / "data", Files(TURNED))
    assert wrong(TURNED, pixels_of(data)) == [] and not told(data)


@pytest.mark.parametrize("reader", BOXES_AND_MASKS)
def test_boxes_and_masks_must_be_of_the_turned_frame(reader, tmp_path):
    quarter = {name: k for name, k in TURNED.items() if wanted(k).shape[1::-1] != SIDES}
    assert len(quarter) == 4 * 4 + 1
    data = read(reader, tmp_path / "data", Files(quarter, turned_size))
    assert wrong(quarter, pixels_of(data)) == []
    said = f"{len(quarter)} x picture turned by its EXIF orientation, as its annotation is"
    assert told(data).startswith(said)
    with pytest.raises(BadPictureError, match=f"{len(TURNED)} of {len(TURNED)} items") as error:
        read(reader, tmp_path / "stored", Files(TURNED, lambda _: SIDES))
    remedies = r"exiftool -Orientation= FILE.*mogrify -auto-orient FILE"
    for (name, _), finding in zip(TURNED.items(), error.value.findings, strict=True):
        # mirrored or upside down, the sides are the same
        whether = "was written without it" if name in quarter else "does not say"
        assert re.search(rf"the EXIF orientation \d of .*90x60.*{whether}.*{remedies}", finding)
    kinds = {**TURNED, "good": GOOD}
    data = read(reader, tmp_path / "skip", Files(kinds, lambda _: SIDES), on_bad_image="skip")
    assert len(data) == 1 and f"{len(TURNED)} x bad image skipped" in told(data)


@pytest.mark.parametrize("reader", BOXES_AND_MASKS)
def test_a_turned_square_does_not_tell(reader, tmp_path):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth(60, 60)).save(file, "JPEG", exif=exif)
    with pytest.raises(BadPictureError, match=r"the EXIF orientation 6 of .*does not say"):
        read(reader, tmp_path / "data", Files({"square": Kind(file.getvalue)}))


@pytest.mark.parametrize("reader", ["VOC", "COCO"])
def test_boxes_without_a_size_do_not_tell(reader, tmp_path):
    files = Files({"turned": Kind(turned("JPEG", 6))}, lambda _: (0, 0))
    with pytest.raises(BadPictureError, match=r"the EXIF orientation 6 of .*does not say"):
        read(reader, tmp_path / "data", files)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("size", [20, 80])
def test_the_fast_decoding_agrees_with_the_slow_one(size, tmp_path):
    """Of the whole picture: to 20 pixels it is decoded at half the size, to 80 it is not."""
    steps = [DecodeRandomResizedCrop(size=size, reduced=reduced) for reduced in (False, True)]
    for step in steps:
        step.box = lambda height, width: (0, 0, height, width)
    for name, kind in {**READ, **TURNED}.items():
        path = tmp_path / f"odd{kind.suffix}"
        path.write_bytes(kind.make())
        slow, fast = (step.transform({"img_path": str(path)})["img"] for step in steps)
        assert np.abs(slow.astype(int) - fast).mean() < 4, name
        whole = DecodeImage().transform({"img_path": str(path)})["img"]
        assert differs(whole, wanted(kind)) <= 2, name


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_that_nobody_looked_at_is_named_when_it_is_decoded(name, tmp_path):
    path = tmp_path / f"odd{REFUSED[name].suffix}"
    path.write_bytes(REFUSED[name].make())
    for step in (DecodeImage(), DecodeRandomResizedCrop(size=20)):
        with pytest.raises(BadPictureError, match=rf"odd\{REFUSED[name].suffix}"):
            step.transform({"img_path": str(path)})


NAMES = (
    *(
        "two words.PNG",
        "größe.jpeg",
        "日本語.JPG",
        "e\u0301.Tif",
        "🐈.webp",
        "a.b.c.bmp",
        "#1.tiff",
    ),
    *("it's.png", "50%.png", "-x.png", "[0].JPE", "x;y.jfif", "&amp;.ppm"),
)


@pytest.mark.parametrize("reader", READERS)
def test_a_name_may_be_any(reader, tmp_path):
    files = Files({})
    files.content = dict.fromkeys(NAMES, GOOD.make())
    files.sizes = dict.fromkeys(NAMES, SIDES)
    found = pixels_of(read(reader, tmp_path / "mes données", files))
    assert set(found) == set(NAMES)
    assert all(differs(pixels, smooth()) == 0 for pixels in found.values())


@pytest.mark.parametrize("reader", READERS)
def test_the_limit_of_pixels_is_one_setting(reader, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", str(SIDES[0] * SIDES[1] - 1))
    files = Files({"photo": Kind(written("JPEG"))})
    with pytest.raises(UserError, match=r"90x60 pixels are more than 5399; .*_MAX_PIXELS=5400 in"):
        read(reader, tmp_path / "low", files)
    monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", str(SIDES[0] * SIDES[1]))
    (pixels,) = pixels_of(read(reader, tmp_path / "enough", files)).values()
    assert pixels.shape == (60, 90, 3)


@pytest.mark.parametrize("text", ["many", "0", "1e8", str(2**30 + 1)])
def test_what_the_limit_may_be(text, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_MAX_PIXELS", text)
    (tmp_path / "a.png").write_bytes(GOOD.make())
    with pytest.raises(UserError, match=rf"TRICKLIFT_MAX_PIXELS is '{text}'; it takes a number"):
        image_header(tmp_path / "a.png")


@pytest.mark.parametrize("reader", READERS)
def test_a_switch_of_another_name_and_nothing_left(reader, tmp_path):
    with pytest.raises(UserError, match="on_bad_image must be one of error, skip; got 'drop'"):
        read(reader, tmp_path / "a", Files({"good": GOOD}), on_bad_image="drop")
    with pytest.raises(UserError, match=r"no image is left .*1 x bad image skipped"):
        read(reader, tmp_path / "b", Files({"empty": Kind(bytes)}), on_bad_image="skip")


def test_a_picture_that_is_not_there_is_no_bad_one(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"gone.png: no such image; add it, or correct"
    ) as e:
        image_header(tmp_path / "gone.png")
    assert not isinstance(e.value, BadPictureError)
