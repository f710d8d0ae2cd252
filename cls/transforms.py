"""What the data workers do: decode, crop and resize in uint8, with OpenCV.

All that costs arithmetic on floats (flip, colour, normalisation) runs batched on the device, in
`cls.preprocessor`. Random numbers come from numpy's global generator, which mmengine seeds in each
worker.
"""

import math
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS
from PIL import Image

#: Factor by which the decoder shrinks -> OpenCV's flag.
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
ORIENTATION = 0x0112  # the EXIF tag; from 5 on, a reader turns the picture by 90 degrees


@TRANSFORMS.register_module()
class DecodeImage(BaseTransform):
    """Read ``img_path`` into ``img``: uint8 ``(H, W, 3)``, RGB."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode the file.

        Raises:
            ValueError: The file cannot be decoded.
        """
        image = cv2.imread(results["img_path"], cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(
                f"cannot decode the image {results['img_path']!r}; replace or remove the file"
            )
        results["img"] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return results


@TRANSFORMS.register_module()
class RandomResizedCropUint8(BaseTransform):
    """Crop a random box and resize it to a square.

    Source: arXiv:1812.01187, section 2.1: area 8 to 100 %, aspect ratio 3/4 to 4/3. As in
    torchvision, the aspect is log-uniform, ten boxes are tried, then a centre crop is taken.

    Args:
        size: Side of the output in pixels.
        scale: Range of the box's share of the image area.
        ratio: Range of the box's width over height.
    """

    def __init__(
        self,
        size: int,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = size
        self.scale = scale
        self.ratio = ratio

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Draw a box ``(top, left, height, width)`` within an image of the given size."""
        for _ in range(10):
            area = height * width * np.random.uniform(*self.scale)
            aspect = math.exp(np.random.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                top = np.random.randint(0, height - h + 1)
                left = np.random.randint(0, width - w + 1)
                return top, left, h, w
        w = min(width, round(height * self.ratio[1]))
        h = min(height, round(width / self.ratio[0]))
        return (height - h) // 2, (width - w) // 2, h, w

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by the resized crop, uint8 ``(size, size, 3)``."""
        image = results["img"]
        top, left, h, w = self.box(*image.shape[:2])
        results["img"] = resized(image[top : top + h, left : left + w], self.size, self.size)
        return results


@TRANSFORMS.register_module()
class DecodeRandomResizedCrop(RandomResizedCropUint8):
    """`DecodeImage` and `RandomResizedCropUint8` in one, which decodes no more than it needs.

    The box is drawn from the size in the file's header. A JPEG whose box is at least twice the
    output's size is decoded at 1/2, 1/4 or 1/8 of its size: the decoder leaves the high
    frequencies of each 8x8 block away, which the resize would remove anyway. The output is that of
    the two transforms, but its edges move by up to half a pixel where a reduced box is rounded.

    Args:
        size: Side of the output in pixels.
        scale: Range of the box's share of the image area.
        ratio: Range of the box's width over height.
        reduced: False decodes every image in full.
    """

    def __init__(
        self,
        size: int,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        reduced: bool = True,
    ) -> None:
        super().__init__(size, scale, ratio)
        self.reduced = reduced

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read ``img_path`` into ``img``: the resized crop, uint8 ``(size, size, 3)``, RGB.

        Raises:
            ValueError: The file cannot be decoded.
        """
        path = results["img_path"]
        height, width, kind = header(path)
        top, left, h, w = self.box(height, width)
        factor = 1
        if self.reduced and kind == "JPEG":
            factor = max(f for f in REDUCED if f == 1 or min(h, w) >= f * self.size)
        image = cv2.imread(path, REDUCED[factor])
        if image is None:
            raise ValueError(f"cannot decode the image {path!r}; replace or remove the file")
        top, left, h, w = (round(side / factor) for side in (top, left, h, w))
        crop = resized(image[top : top + h, left : left + w], self.size, self.size)
        results["img"] = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        return results


@TRANSFORMS.register_module()
class ResizeCenterCropUint8(BaseTransform):
    """Resize the short side, keep the aspect ratio, crop the centre (the paper's validation).

    Args:
        short_side: Length of the short side after resizing, in pixels.
        size: Side of the square crop.

    Raises:
        ValueError: The crop is larger than the short side.
    """

    def __init__(self, short_side: int, size: int) -> None:
        if size > short_side:
            raise ValueError(f"size {size} exceeds short_side {short_side}; crop at most that")
        self.short_side = short_side
        self.size = size

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by the centre crop, uint8 ``(size, size, 3)``."""
        image = results["img"]
        height, width = image.shape[:2]
        factor = self.short_side / min(height, width)
        image = resized(image, round(height * factor), round(width * factor))
        top = (image.shape[0] - self.size) // 2
        left = (image.shape[1] - self.size) // 2
        results["img"] = image[top : top + self.size, left : left + self.size]
        return results


@TRANSFORMS.register_module()
class PackClassified(BaseTransform):
    """Hand on ``dict(inputs, labels, indices)``.

    They are a uint8 tensor ``(3, H, W)`` in RGB, the label, and the image's place in the set.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn the image into a tensor."""
        image = np.ascontiguousarray(results["img"].transpose(2, 0, 1))
        return {
            "inputs": torch.from_numpy(image),
            "labels": results["gt_label"],
            "indices": results["sample_idx"],
        }


def header(path: str) -> tuple[int, int, str]:
    """Height and width of an image as OpenCV will turn it, and its format, from the file's head.

    Raises:
        ValueError: It cannot be read as an image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            kind = image.format or ""
            turned = kind == "JPEG" and image.getexif().get(ORIENTATION, 1) >= 5
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"cannot decode the image {path!r} ({error}); replace or remove the file"
        ) from error
    return (width, height, kind) if turned else (height, width, kind)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 ``(H, W, 3)``: by area where it shrinks (no aliasing), else bilinear."""
    shrinks = height < image.shape[0] and width < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how)
