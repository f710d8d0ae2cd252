import cv2
import numpy as np
import pytest
from PIL import Image

from cls import jpeg
from cls.transforms import (
    DecodeImage,
    DecodeRandomResizedCrop,
    PackClassified,
    RandomResizedCropUint8,
    ResizeCenterCropUint8,
)


def test_random_boxes_cover_the_papers_ranges():
    np.random.seed(0)
    crop = RandomResizedCropUint8(size=224)
    boxes = np.array([crop.box(400, 500) for _ in range(10_000)])
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= 400).all() and (left + width <= 500).all()
    area = height * width / (400 * 500)
    aspect = width / height
    # Rounding to whole pixels moves area and aspect by up to about 1 %.
    assert area.min() > 0.079 and area.max() <= 1.0
    assert aspect.min() > 0.74 and aspect.max() < 1.35
    # Log-uniform aspect: its median is 1, where no box is refused as too tall (under 40 % of the
    # area the tallest has sqrt(0.4 * 200,000 * 4/3) = 327 px).
    assert abs(np.median(np.log(aspect[area < 0.4]))) < 0.02


def test_too_slender_an_image_falls_back_to_the_centre():
    crop = RandomResizedCropUint8(size=8, scale=(0.9, 1.0))
    top, left, height, width = crop.box(10, 1000)
    assert (top, height) == (0, 10)
    assert width == 13  # 10 * 4/3, rounded
    assert left == (1000 - 13) // 2


def test_validation_geometry_on_known_pixels():
    # 40 x 80, four columns of 20 px: short side 20 halves it to 20 x 40; the centre 20 px are
    # the inner halves of both middle columns.
    image = np.repeat(np.array([10, 60, 110, 160], np.uint8), 20)[None, :, None]
    image = np.broadcast_to(image, (40, 80, 3))
    out = ResizeCenterCropUint8(short_side=20, size=20).transform({"img": image})["img"]
    assert out.shape == (20, 20, 3)
    assert (out[:, :10] == 60).all()
    assert (out[:, 10:] == 110).all()


def test_crop_larger_than_short_side_is_refused():
    with pytest.raises(ValueError, match="size 256 exceeds short_side 224"):
        ResizeCenterCropUint8(short_side=224, size=256)


def test_crop_is_resized_to_the_square():
    np.random.seed(1)
    image = np.random.randint(0, 255, (50, 60, 3), dtype=np.uint8)
    out = RandomResizedCropUint8(size=24).transform({"img": image})["img"]
    assert out.shape == (24, 24, 3) and out.dtype == np.uint8


@pytest.fixture
def photograph(tmp_path):
    """A JPEG of 900 x 1200 px with shapes, gradients and some noise, as a photograph has."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:900, :1200]
    image = np.stack([x / 5, y / 4, 255 - (x + y) / 9], axis=2)
    for _ in range(40):
        centre, radius = rng.integers(0, 1200, 2), int(rng.integers(20, 160))
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        image = cv2.circle(np.ascontiguousarray(image), tuple(map(int, centre)), radius, colour, -1)
    image = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    path = tmp_path / "photograph.jpg"
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return str(path)


def both(path: str, one: list, other: list, seed: int) -> list[np.ndarray]:
    """What two chains of transforms make of an image with the same random numbers."""
    found = []
    for chain in (one, other):
        np.random.seed(seed)
        results = {"img_path": path}
        for transform in chain:
            results = transform.transform(results)
        found.append(results["img"].astype(float))
    return found


def test_decoding_and_cropping_in_one_is_the_same(photograph):
    two = [DecodeImage(), RandomResizedCropUint8(size=64)]
    for seed in range(5):
        whole = DecodeRandomResizedCrop(size=64, reduced=False)
        a, b = both(photograph, [whole], two, seed)
        assert a.shape == (64, 64, 3)
        assert np.array_equal(a, b)


@pytest.mark.parametrize("size, factor", [(460, 1), (200, 2), (100, 4), (50, 8)])
def test_decoding_less_changes_little(photograph, monkeypatch, size, factor):
    factors = []
    decode = jpeg.decode

    def watched(*args):
        factors.append(args[-1])
        return decode(*args)

    monkeypatch.setattr(jpeg, "decode", watched)
    exact = DecodeRandomResizedCrop(size=size, scale=(0.4, 1.0), reduced=False)
    quick = DecodeRandomResizedCrop(size=size, scale=(0.4, 1.0))
    for seed in range(5):
        a, b = both(photograph, [exact], [quick], seed)
        # A box at 1/f of the size is rounded to whole pixels there, so edges move by up to f / 2
        # pixels of the file, which is half a pixel of the output or less: what differs is at edges.
        difference = np.abs(a - b)
        assert np.median(difference) <= 2
        assert difference.mean() < 5.0
        assert (difference > 32).mean() < 0.05
    assert len(factors) == 5, "the exact one decodes with OpenCV"
    assert factor in factors


def test_a_turned_photograph_is_cropped_as_it_is_seen(tmp_path):
    stripes = np.repeat(np.arange(4, dtype=np.uint8) * 60, 100)
    image = Image.fromarray(np.broadcast_to(stripes[:, None, None], (400, 200, 3)).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees: the file's columns are rows of what is seen
    path = tmp_path / "turned.jpg"
    image.save(path, exif=exif, quality=95)
    np.random.seed(0)
    crop = DecodeRandomResizedCrop(size=32, scale=(1.0, 1.0), ratio=(2.0, 2.0))
    out = crop.transform({"img_path": str(path)})["img"]
    assert np.abs(np.diff(out.astype(int), axis=0)).max() <= 3  # the stripes stand upright
    assert {round(float(value) / 60) for value in out[0, 4::8, 0]} == {0, 1, 2, 3}


def test_other_formats_are_decoded_in_full(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    cv2.imwrite(str(path), image)
    exact = DecodeRandomResizedCrop(size=16, reduced=False)
    a, b = both(str(path), [exact], [DecodeRandomResizedCrop(size=16)], 0)
    assert np.array_equal(a, b)


def test_a_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "no.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"no.jpg: cannot be read as an image \(it does not beg"):
        DecodeRandomResizedCrop(size=8).transform({"img_path": str(path)})


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read the image '.*gone.jpg' \(No such file"):
        DecodeRandomResizedCrop(size=8).transform({"img_path": str(tmp_path / "gone.jpg")})


def test_planes_are_packed():
    image = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    packed = PackClassified().transform({"img": image, "gt_label": 2})
    assert packed["inputs"].is_contiguous()
    assert np.array_equal(packed["inputs"].numpy(), image.transpose(2, 0, 1))
    assert packed["labels"] == 2
