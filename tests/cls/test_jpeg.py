"""What is left out of the decoding changes nothing of what is kept."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from cls import jpeg
from cls.transforms import DecodeRandomResizedCrop, decoded
from tricklift.data.headers import cut_short, image_header


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


def with_thumbnail():
    """A photograph whose EXIF part holds a whole JPEG, as cameras write it."""
    tags = b"Exif\0\0" + encoded(photograph(24, 32))
    part = b"\xff\xe1" + (len(tags) + 2).to_bytes(2, "big") + tags
    data = encoded(photograph())
    return data[:2] + part + data[2:]


@pytest.mark.parametrize("kind", [*KINDS, "thumbnail"])
def test_a_cut_file_is_noticed(kind, tmp_path):
    data = with_thumbnail() if kind == "thumbnail" else encoded(photograph(), **KINDS[kind])
    path = tmp_path / "picture.jpg"
    scan = data.rfind(b"\xff\xda") if kind != "progressive" else len(data) // 3
    for end in (len(data) - 1, len(data) - 2, len(data) // 2, scan + 20, scan, scan - 100):
        path.write_bytes(data[:end])
        assert cut_short(data[:end])
        with pytest.raises(ValueError, match=r"picture.jpg: cannot be read as an image \("):
            image_header(path)
        assert jpeg.frame_of(data[:end]) is None


@pytest.mark.parametrize("after", [b"", bytes(10), bytes(5000), b"\xff\xda" * 100])
def test_what_comes_after_the_end_does_not_matter(after, tmp_path):
    path = tmp_path / "picture.jpg"
    data = with_thumbnail() + after
    path.write_bytes(data)
    assert not cut_short(data) and image_header(path).size == (500, 300)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x89PNG\r\n\x1a\n", b"no picture"])
def test_what_is_no_jpeg_is_not_cut_short(data):
    assert not cut_short(data)


def test_a_cut_file_is_named_instead_of_filled(tmp_path):
    path = tmp_path / "half.jpg"
    data = encoded(photograph())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"cannot decode the image '.*half.jpg': its end is missi"):
        DecodeRandomResizedCrop(size=32).transform({"img_path": str(path)})


@pytest.mark.parametrize("form", ["CMYK", "PNG"])
def test_unusual_files_are_still_cropped(form, tmp_path):
    image = Image.fromarray(photograph())
    path = tmp_path / "odd.jpg"
    if form == "CMYK":
        image.convert("CMYK").save(path)
    else:
        image.save(path, "PNG")
    found = DecodeRandomResizedCrop(size=32).transform({"img_path": str(path)})["img"]
    assert found.shape == (32, 32, 3) and found.std() > 5
