"""What is left out of the decoding changes nothing of what is kept."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from cls import jpeg
from cls.transforms import DecodeRandomResizedCrop, decoded


def photograph(height=300, width=500):
    """Smooth colours with noise on them, uint8 ``(height, width, 3)``."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    image = np.stack([x / 3, y / 2, 200 - (x + y) / 5], axis=2)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def encoded(image, **kwargs):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=92, **kwargs)
    return file.getvalue()


KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 7},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bottom", [1, 97, 160, 285, 300])
def test_rows_above_the_bottom_are_those_of_the_whole_picture(kind, bottom):
    data = encoded(photograph(), **KINDS[kind])
    frame = jpeg.frame_of(data)
    assert (frame.height, frame.width) == (300, 500)
    assert frame.sequential == (kind != "progressive")
    for factor in jpeg.FACTORS:
        rows = -(-bottom // factor)
        sides = {"min_height": -(-300 // factor), "min_width": -(-500 // factor)}
        whole = simplejpeg.decode_jpeg(data, **sides)
        assert whole.shape == (sides["min_height"], sides["min_width"], 3)
        part = jpeg.decode(data, frame, bottom, factor)
        assert part.shape[1:] == whole.shape[1:]
        assert np.array_equal(part[:rows], whole[:rows])
        if frame.sequential and bottom < 200:
            assert len(part) < len(whole), "the rest is left out"


@pytest.mark.parametrize("gray", [False, True])
def test_a_whole_picture_is_that_of_opencv(gray):
    image = photograph()
    data = encoded(image[..., 0] if gray else image)
    found = jpeg.decode(data, jpeg.frame_of(data), 300)
    wanted = decoded(data, "picture.jpg")
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_a_picture_larger_than_the_shared_memory(monkeypatch):
    data = encoded(photograph())
    kept = jpeg.decode(data, jpeg.frame_of(data), 300).copy()
    monkeypatch.setattr(jpeg, "SHARED_BYTES", 1000)
    assert np.array_equal(jpeg.decode(data, jpeg.frame_of(data), 300), kept)


def exif(orientation):
    tags = Image.Exif()
    tags[jpeg.ORIENTATION] = orientation
    return tags


def test_a_turned_picture_is_left_to_opencv():
    assert jpeg.frame_of(encoded(photograph(), exif=exif(1))) is not None
    assert jpeg.frame_of(encoded(photograph(), exif=exif(3))) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\x00", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_jpeg_has_no_frame(data):
    assert jpeg.frame_of(data) is None


@pytest.mark.parametrize("form", ["CMYK", "cut short", "PNG"])
def test_unusual_files_are_still_cropped(form, tmp_path):
    image = Image.fromarray(photograph())
    path = tmp_path / "odd.jpg"
    if form == "CMYK":
        image.convert("CMYK").save(path)
    elif form == "PNG":
        image.save(path, "PNG")
    else:
        data = encoded(photograph())
        path.write_bytes(data[: len(data) // 2])
    found = DecodeRandomResizedCrop(size=32).transform({"img_path": str(path)})["img"]
    assert found.shape == (32, 32, 3) and found.std() > 5
