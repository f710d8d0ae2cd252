"""Images in one folder a class, as ImageNet is kept: ``root/<class>/*.jpg``."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DATASETS

from cls import jpeg
from cls.held import HeldImages
from cls.index import FolderIndex, folder_fingerprint, recall, store
from tricklift.data.checks import check_each, on_first_rank, require, spread
from tricklift.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
#: Where a set is below the root, without its split -> its name for `tricklift prepare`.
PREPARED = {
    "miniworld/imagenet": "miniworld",
    "cifar10": "cifar10",
    "tiny-imagenet-100": "tiny-imagenet",
    "imagenet": "imagenet",
    "places365": "places365",
}


@DATASETS.register_module()
class ClassFolders(BaseDataset):
    """A classification set with one folder a class; labels follow the sorted folder names.

    Everything that can be known before training is checked when the set is built: folders, empty
    classes, the number of classes, and whether the files begin as images do and JPEGs have their
    end (all of them, or `checked_files` spread evenly over a larger set). Of several processes,
    rank 0 looks, and the others get what it found.

    The list is kept in arrays (`cls.index`), which workers share. That of a large set is kept in a
    file below XDG_CACHE_HOME, so that the second start neither lists nor checks it again. Where
    none can be written, a line in the log says so.

    Sets of small images can be held `in_memory`: decoded once, before the workers are forked, which
    then share them.

    Args:
        data_root: Folder that holds the class folders, e.g. ``data/cifar10/train``.
        pipeline: mmengine transforms; they get ``dict(img_path=str, gt_label=int)``.
        num_classes: Expected number of classes, or None to take what is there.
        checked_files: How many files to open (first and last bytes only) at the most.
        cached_from: Number of images from which the list is kept in a file; None never does.
        per_class: ``(first, end)``: of each class, the images from `first` to before `end` in
            sorted order; None takes all. So pilots can train on one part and be judged on another.
        in_memory: Decode all images at the start; an item then has ``img``, uint8 ``(H, W, 3)``,
            RGB, which `DecodeImage` leaves as it is.

    Raises:
        MissingFileError: `data_root` is missing.
        UserError: No class folders, an empty class, another number of classes, a class too small
            for `per_class`, a file that is no image or a JPEG that is cut short, or too little
            memory to hold the images.
    """

    def __init__(
        self,
        data_root: str,
        pipeline: list[dict[str, Any] | Callable[..., Any]],
        num_classes: int | None = None,
        checked_files: int = 100_000,
        cached_from: int | None = 10_000,
        per_class: tuple[int, int] | None = None,
        in_memory: bool = False,
        **kwargs: Any,
    ) -> None:
        self.num_classes = num_classes
        self.per_class = per_class
        self.in_memory = in_memory
        self.held: HeldImages | None = None
        self.checked_files = checked_files
        self.cached_from = cached_from
        kwargs["serialize_data"] = False  # the index is one already
        super().__init__(data_root=data_root, pipeline=pipeline, **kwargs)

    def load_data_list(self) -> Sequence[dict[str, Any]]:
        """List all images as ``dict(img_path, gt_label)``, classes and files in sorted order."""
        index = on_first_rank(self._index)
        self._metainfo["classes"] = index.classes
        if self.per_class is not None:
            index = index.part(*self.per_class)
        if self.in_memory:
            self.held = HeldImages([item["img_path"] for item in index], self.data_root)
        return index

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one item, with its ``img`` where the set is `in_memory`."""
        item = self.get_data_info(idx)
        if self.held is not None:
            item["img"] = self.held[item["sample_idx"]]
        return self.pipeline(item)

    def _index(self) -> FolderIndex:
        classes = class_names(Path(self.data_root))
        if self.num_classes not in (None, len(classes)):
            raise UserError(
                f"{self.data_root} holds {len(classes)} class folders, the config says "
                f"num_classes={self.num_classes}; set num_classes, or mend the folder"
            )
        if self.cached_from is None:
            return self.checked_index(classes)
        mark = folder_fingerprint(self.data_root, classes)
        kept = recall(self.data_root, mark, self.checked_files)
        if kept is not None:
            return kept
        index = self.checked_index(classes)
        try:
            if len(index) >= self.cached_from:
                store(index, mark, self.checked_files)
        except (OSError, RuntimeError) as error:
            words = f"the list of {self.data_root} is not kept for the next start ({error}); set "
            words += "XDG_CACHE_HOME to a folder that can be written"
            print_log(words, logger="current", level=logging.WARNING)
        return index

    def checked_index(self, classes: list[str]) -> FolderIndex:
        """List the files of each class, and look into some of them."""
        root = Path(self.data_root)
        index = FolderIndex.of(str(root), {name: images_of(root / name) for name in classes})
        looked_at = spread(range(len(index)), self.checked_files)
        check_each([index[place]["img_path"] for place in looked_at], check_readable, str(root))
        return index


def class_names(root: Path) -> list[str]:
    """Names of the class folders below `root`, sorted.

    Raises:
        MissingFileError: `root` is missing.
        UserError: There is no folder in it.
    """
    require(root, "folder of images by class", source(root))
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    if not names:
        raise UserError(f"{str(root)!r} holds no class folders; expected {root}/<class>/*.jpg")
    return names


def source(root: Path) -> str:
    """Where images by class come from: a name for `tricklift prepare`, or a sentence."""
    for folder, name in PREPARED.items():
        if root.parent.match(folder):
            return name
    return (
        "put your images there, one folder a class (<class>/*.jpg), or correct data_root; "
        "`tricklift prepare --help` lists the sets that it can get"
    )


def images_of(folder: Path) -> list[str]:
    """Names of the images in `folder`, sorted.

    Raises:
        UserError: There is none.
    """
    files = sorted(e.name for e in os.scandir(folder) if e.name.lower().endswith(SUFFIXES))
    if not files:
        raise UserError(
            f"class folder {str(folder)!r} is empty: no file ends in {', '.join(SUFFIXES)}; "
            "add images, or remove the folder"
        )
    return files


def check_readable(path: str) -> None:
    """Look at the head of a file, and at the end of a JPEG.

    Raises:
        UserError: It cannot be opened, no OpenCV reader knows it as an image, or its end is
            missing.
    """
    why = ""
    try:
        whole = jpeg.is_whole(path)
        if whole or (whole is None and cv2.haveImageReader(path)):
            return
        why = " (its end is missing)" if whole is False else ""
    except OSError as error:
        why = f" ({error.strerror})"
    raise UserError(f"{path}: cannot be read as an image{why}; replace or remove the file")
