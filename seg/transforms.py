"""Steps of pipelines: a mask is read in any kind that `seg.masks` knows; a blur."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray

from seg.masks import IGNORED, read_mask
from tricklift.errors import UserError


@TRANSFORMS.register_module()
class LoadMask(LoadAnnotations):
    """mmseg's `LoadAnnotations`, with ids as the mask stores them.

    mmseg's keeps the last 8 bits of 16, spreads 4 bits over 0..255, and hands on colours.
    `CheckedSegDataset` puts this in its place. Results get ``gt_seg_map`` `(H, W)` uint8.

    Raises:
        UserError: What `seg.masks.read_mask` refuses, or `reduce_zero_label` is not the data set's.
    """

    def _load_seg_map(self, results: dict) -> None:
        zero = results["reduce_zero_label"]
        if self.reduce_zero_label not in (None, zero):
            raise UserError(
                f"LoadAnnotations.reduce_zero_label is {self.reduce_zero_label}, and that of the "
                f"data set is {zero}; set it in the data set alone"
            )
        path = results["seg_map_path"]
        data = fileio.get(path, backend_args=self.backend_args)
        ids = read_mask(path, results.get("mask_values"), data)
        results["gt_seg_map"] = lookup(zero, results.get("label_map"))[ids]
        results["seg_fields"].append("gt_seg_map")


def lookup(reduce_zero_label: bool, label_map: dict[int, int] | None) -> NDArray[np.uint8]:
    """Label of each id, `(256,)`: 0 ignored and the others one less, then old labels to new."""
    table = np.arange(256, dtype=np.uint8)
    if reduce_zero_label:
        table = table - np.uint8(1)  # 0 becomes 255
        table[IGNORED] = IGNORED
    if label_map:
        table = np.array([label_map.get(int(label), label) for label in table], np.uint8)
    return table


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Gaussian blur with a standard deviation drawn from 0 to `sigma` pixels.

    Args:
        prob: Probability of a blur.
        sigma: Largest standard deviation in pixels.

    Raises:
        UserError: `prob` outside of [0, 1] or `sigma` not above 0.

    Source: the authors' public code blurs with p 0.5 and a radius below 1.
    """

    def __init__(self, prob: float = 0.5, sigma: float = 1.0) -> None:
        if not 0 <= prob <= 1 or sigma <= 0:
            raise UserError(f"prob must be in [0, 1] and sigma above 0; got {prob} and {sigma}")
        self.prob = prob
        self.sigma = sigma

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur ``img`` (H, W, 3) uint8; numpy's global generator, which mmengine seeds."""
        if np.random.random() < self.prob:
            sigma = max(1e-3, self.sigma * np.random.random())
            results["img"] = cv2.GaussianBlur(results["img"], (0, 0), sigma)
        return results
