import numpy as np
import pytest

from cls.transforms import RandomResizedCropUint8, ResizeCenterCropUint8


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
