"""What the data workers do: decode, crop and resize in uint8, with OpenCV.

All that costs arithmetic on floats (flip, colour, normalisation) runs batched on the device, in
`cls.preprocessor`. Random numbers come from numpy's global generator, which is seeded
for each image (`tricklift.compat.batches`).
"""

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS

from cls import jpeg
from tricklift.data.headers import cut_short
from tricklift.data.pictures import check_picture
from tricklift.errors import BadPictureError, UserError


@TRANSFORMS.register_module()
class DecodeImage(BaseTransform):
    """Read ``img_path`` into ``img``: uint8 ``(H, W, 3)``, RGB."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode the file, unless the data set holds its image in memory.

        Raises:
            UserError: The file cannot be decoded.
        """
        if "img" in results:
            return results
        path = results["img_path"]
        results["img"] = decoded(content(path), path)
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

    The box is drawn from the size in the file's header; then a JPEG is decoded down to its lower
    edge (`cls.jpeg`), and at 1/2, 1/4 or 1/8 of its size where the box is at least that many times
    as large as the output. So a box is less than twice as large as the output when it is resized,
    and bilinear interpolation leaves no pixel of it out. Files that are no plain JPEG are decoded
    in full.

    The output is nearly that of the two transforms: it is a little sharper than by area, and edges
    move by up to half a pixel where a reduced box is rounded.

    Args:
        *crop, **settings: ``size``, ``scale`` and ``ratio`` of `RandomResizedCropUint8`.
        reduced: False decodes every image in full, and gives what the two transforms give.
    """

    def __init__(self, *crop: Any, reduced: bool = True, **settings: Any) -> None:
        super().__init__(*crop, **settings)
        self.reduced = reduced

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read ``img_path`` into ``img``: the resized crop, uint8 ``(size, size, 3)``, RGB.

        Raises:
            UserError: The file cannot be read or decoded.
        """
        if "img" in results:  # held in memory
            return super().transform(results)
        path = results["img_path"]
        data = content(path)
        box = self.boxed(data) if self.reduced else None
        if box is None:
            results["img"] = decoded(data, path)
            return super().transform(results)
        results["img"] = cv2.resize(box, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
        return results

    def boxed(self, data: bytes) -> np.ndarray | None:
        """Decode a random box of a file, no more detailed than needed; None if no plain JPEG."""
        frame = jpeg.frame_of(data)
        if frame is None:
            return None
        top, left, h, w = self.box(frame.height, frame.width)
        factor = max(f for f in jpeg.FACTORS if f == 1 or min(h, w) >= f * self.size)
        image = jpeg.decode(data, frame, top + h, factor)
        if image is None:
            return None
        top, left, h, w = (round(side / factor) for side in (top, left, h, w))
        return image[top : top + h, left : left + w]


@TRANSFORMS.register_module()
class ResizeCenterCropUint8(BaseTransform):
    """Resize the short side, keep the aspect ratio, crop the centre (the paper's validation).

    Args:
        short_side: Length of the short side after resizing, in pixels.
        size: Side of the square crop.

    Raises:
        UserError: The crop is larger than the short side.
    """

    def __init__(self, short_side: int, size: int) -> None:
        if size > short_side:
            raise UserError(f"size {size} exceeds short_side {short_side}; crop at most that")
        self.short_side = short_side
        self.size = size

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by the centre crop, uint8 ``(size, size, 3)``."""
        image = results["img"]
        height, width = image.shape[:2]
        factor = self.short_side / min(height, width)
        image = resized(image, round(height * factor), round(width * factor))
        top, left = ((side - self.size) // 2 for side in image.shape[:2])
        results["img"] = image[top : top + self.size, left : left + self.size]
        return results


@TRANSFORMS.register_module()
class PackClassified(BaseTransform):
    """Hand on ``inputs`` (uint8 ``(3, H, W)``, RGB) and ``labels``."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn the image into a tensor."""
        image = results["img"]
        planes = np.empty((3, *image.shape[:2]), np.uint8)
        cv2.split(image, list(planes))  # four times as fast as a copy of the transposed array
        return {"inputs": torch.from_numpy(planes), "labels": results["gt_label"]}


def content(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        BadPictureError: It cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadPictureError(
            f"cannot read the image {path!r} ({error.strerror}); replace or remove the file"
        ) from error


def decoded(data: bytes, path: str) -> np.ndarray:
    """Decode any file that OpenCV reads: uint8 ``(H, W, 3)``, RGB, turned as its EXIF part says.

    Raises:
        BadPictureError: It cannot be decoded right, or is cut short; names `path`.
    """
    if not data.startswith(jpeg.START):
        check_picture(path, data=data)
    elif cut_short(data):  # not every OpenCV refuses it
        raise BadPictureError(
            f"cannot decode the image {path!r}: its end is missing; replace or remove the file"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # of over 2^30 pixels
        image = None
    if image is None:
        raise BadPictureError(f"cannot decode the image {path!r}; replace or remove the file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 ``(H, W, 3)``: by area where it shrinks (no aliasing), else bilinear."""
    shrinks = height < image.shape[0] and width < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how)
