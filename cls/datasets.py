"""Images in one folder a class, as ImageNet is kept: ``root/<class>/*.jpg``."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import DATASETS

from cls.held import HeldImages
from cls.index import FolderIndex, folder_fingerprint, recall, store
from tricklift.data.checks import SKIPPED, check_each, on_first_rank, require, spread
from tricklift.data.files import (
    PICTURES,
    Repairs,
    folders_in,
    left_beside,
    pictures_below,
    read_below,
    shown,
)
from tricklift.data.pictures import check_picture
from tricklift.errors import UserError

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

    A class's pictures are all below its folder, at any depth, as torchvision's `ImageFolder` lists
    them. Or `ann_file` lists them: a line has a path below `data_root`, a tab, and a class.
    Folders of systems (hidden ones) are no classes; what is left out is counted in `repairs`, and
    the log says so once.

    Everything that can be known before training is checked when the set is built: folders, empty
    classes, the number of classes, and whether the files are pictures that are read right
    (`tricklift.data.pictures`; all of them, or `checked_files` spread evenly over a larger set). Of
    several processes, rank 0 looks, and the others get what it found.

    The list is kept in arrays (`cls.index`), which workers share. That of a large set is kept in a
    file below XDG_CACHE_HOME, so that the second start neither lists nor checks it again. Where
    none can be written, a line in the log says so.

    Sets of small images can be held `in_memory`: decoded once, before the workers are forked, which
    then share them.

    Args:
        data_root: Folder that holds the class folders, e.g. ``data/cifar10/train``.
        pipeline: mmengine transforms; they get ``dict(img_path=str, gt_label=int)``.
        num_classes: Expected number of classes, or None to take what is there.
        ann_file: A list of images, in the place of all that are below `data_root`.
        checked_files: How many files to look into at the most.
        on_bad_image: ``error`` where a picture cannot be read, or would be read wrongly; or
            ``skip``: all files are looked into, and such ones left out and counted.
        cached_from: Number of images from which the list is kept in a file; None never does.
        per_class: ``(first, end)``: of each class, the images from `first` to before `end` in
            sorted order; None takes all. So pilots can train on one part and be judged on another.
        in_memory: Decode all images at the start; an item then has ``img``, uint8 ``(H, W, 3)``,
            RGB, which `DecodeImage` leaves as it is.

    Raises:
        MissingFileError: `data_root` is missing.
        UserError: No class folders, an empty class, another number of classes, a class too small
            for `per_class`, a line of the list that names no image or no class, a file that is no
            image, a JPEG that is cut short, or too little memory to hold the images.
    """

    def __init__(
        self,
        data_root: str,
        pipeline: list[dict[str, Any] | Callable[..., Any]],
        num_classes: int | None = None,
        ann_file: str = "",
        checked_files: int = 100_000,
        on_bad_image: str = "error",
        cached_from: int | None = 10_000,
        per_class: tuple[int, int] | None = None,
        in_memory: bool = False,
        **kwargs: Any,
    ) -> None:
        self.num_classes = num_classes
        self.per_class = per_class
        self.in_memory = in_memory
        self.held: HeldImages | None = None
        self.on_bad_image = on_bad_image
        self.checked_files = checked_files if on_bad_image == "error" else sys.maxsize
        self.cached_from = cached_from
        kwargs["serialize_data"] = False  # the index is one already
        super().__init__(data_root=data_root, ann_file=ann_file, pipeline=pipeline, **kwargs)

    def load_data_list(self) -> Sequence[dict[str, Any]]:
        """List all images as ``dict(img_path, gt_label)``, classes and files in sorted order."""
        index = on_first_rank(self._index)
        self._metainfo["classes"] = index.classes
        self.repairs = index.notes
        if index.notes:
            words = f"{self.data_root}: {'; '.join(index.notes)}"
            print_log(words, logger="current", level=logging.WARNING)
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
        if self.ann_file:
            return self._checked(*self.listed_by_file())
        classes = class_names(Path(self.data_root))
        self._refuse_count(classes)
        kept_from = self.cached_from if self.on_bad_image == "error" else None
        if kept_from is not None:
            kept = recall(self.data_root, classes, self.checked_files)
            if kept is not None:
                return kept
        index, repairs = self.listed_by_folder(classes)
        mark = folder_fingerprint(self.data_root, index.folders)
        index = self._checked(index, repairs)
        try:
            if kept_from is not None and len(index) >= kept_from:
                store(index, mark, self.checked_files)
        except (OSError, RuntimeError) as error:
            words = f"the list of {self.data_root} is not kept for the next start ({error}); set "
            words += "XDG_CACHE_HOME to a folder that can be written"
            print_log(words, logger="current", level=logging.WARNING)
        return index

    def _refuse_count(self, classes: Sequence[str]) -> None:
        if self.num_classes not in (None, len(classes)):
            raise UserError(
                f"{self.ann_file or self.data_root} holds {len(classes)} classes, the config says "
                f"num_classes={self.num_classes}; set num_classes, or mend the data"
            )

    def listed_by_folder(self, classes: list[str]) -> tuple[FolderIndex, Repairs]:
        """Index of the files of each class, and what was left out."""
        root, repairs = Path(self.data_root), Repairs()
        left_beside(root, repairs)
        files = {name: images_of(root / name, repairs) for name in classes}
        inner = {
            f"{c}/{os.path.dirname(file)}" for c in classes for file in files[c] if "/" in file
        }
        folders = [*classes, *sorted(inner)]
        return FolderIndex.of(str(root), files, folders), repairs

    def listed_by_file(self) -> tuple[FolderIndex, Repairs]:
        """Index of the images of `ann_file`, and what was left out."""
        repairs = Repairs()
        lines = read_below(self.ann_file, source(Path(self.data_root)), repairs)
        pairs = [line.rpartition("\t")[::2] for line in lines]
        if wrong := next(
            (line for line, (path, _) in zip(lines, pairs, strict=True) if not path), ""
        ):
            raise UserError(
                f"{self.ann_file}: {wrong!r} has no class; a line is a path below "
                f"{self.data_root}, a tab, and the class"
            )
        classes = list(self._metainfo.get("classes") or sorted({name for _, name in pairs}))
        self._refuse_count(classes)
        files: dict[str, list[str]] = {name: [] for name in classes}
        for path, name in pairs:
            if name not in files:
                raise UserError(
                    f"{self.ann_file}: {path} is of class {name!r}; known: {shown(classes)}; "
                    "correct it, or metainfo.classes"
                )
            files[name].append(path)
        return FolderIndex.of(self.data_root, files, ()), repairs

    def _checked(self, index: FolderIndex, repairs: Repairs) -> FolderIndex:
        looked_at = spread(range(len(index)), self.checked_files)
        found = check_each(
            looked_at,
            lambda place: check_picture(index[place]["img_path"], repairs),
            self.ann_file or index.root,
            self.on_bad_image,
            repairs.note,
        )
        good = index.without([p for p, one in zip(looked_at, found, strict=True) if one is SKIPPED])
        if gone := set(index.labels.tolist()) - set(good.labels.tolist()):
            name = index.classes[min(gone)]
            raise UserError(
                f"{index.root}: of class {name!r} no image is left ({repairs}); add images"
            )
        return replace(good, notes=tuple(repairs.lines()))


def class_names(root: Path) -> list[str]:
    """Names of the class folders below `root`, sorted; hidden ones are none.

    Raises:
        MissingFileError: `root` is missing.
        UserError: There is no folder in it.
    """
    require(root, "folder of images by class", source(root))
    names = folders_in(root)
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


def images_of(folder: Path, repairs: Repairs) -> list[str]:
    """The images below `folder`, at any depth, as paths relative to it.

    Raises:
        UserError: There is none.
    """
    files = list(pictures_below(folder, repairs))
    if not files:
        raise UserError(
            f"class folder {str(folder)!r} is empty: no file ends in {', '.join(PICTURES)}; "
            "add images, or remove the folder"
        )
    return files
