"""Images in one folder a class, as ImageNet is kept: ``root/<class>/*.jpg``."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

from tricklift.ground.inputs import check_each, require, spread

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@DATASETS.register_module()
class ClassFolders(BaseDataset):
    """A classification set with one folder a class; labels follow the sorted folder names.

    Everything that can be known before training is checked when the set is built: folders, empty
    classes, the number of classes, and whether the files open as images (all of them, or
    `checked_files` spread evenly over a larger set).

    Args:
        data_root: Folder that holds the class folders, e.g. ``data/cifar10/train``.
        pipeline: mmengine transforms; they get ``dict(img_path=str, gt_label=int)``.
        num_classes: Expected number of classes, or None to take what is there.
        checked_files: How many files to open (headers only) at the most.

    Raises:
        FileNotFoundError: `data_root` is missing.
        ValueError: No class folders, an empty class, another number of classes, or a file that is
            no image.
    """

    def __init__(
        self,
        data_root: str,
        pipeline: list[dict[str, Any] | Callable[..., Any]],
        num_classes: int | None = None,
        checked_files: int = 100_000,
        **kwargs: Any,
    ) -> None:
        self.num_classes = num_classes
        self.checked_files = checked_files
        super().__init__(data_root=data_root, pipeline=pipeline, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List all images as ``dict(img_path, gt_label)``, classes and files in sorted order."""
        root = Path(self.data_root)
        classes = class_names(root)
        if self.num_classes not in (None, len(classes)):
            raise ValueError(
                f"{root} holds {len(classes)} class folders, the config says "
                f"num_classes={self.num_classes}; set num_classes, or mend the folder"
            )
        self._metainfo["classes"] = tuple(classes)
        listed = [
            (path, label) for label, name in enumerate(classes) for path in images_of(root / name)
        ]
        looked_at = spread([path for path, _ in listed], self.checked_files)
        check_each(looked_at, check_readable, str(root))
        return [{"img_path": path, "gt_label": label} for path, label in listed]


def class_names(root: Path) -> list[str]:
    """Names of the class folders below `root`, sorted.

    Raises:
        FileNotFoundError: `root` is missing.
        ValueError: There is no folder in it.
    """
    require(root, "folder of images by class", "NAME")
    names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    if not names:
        raise ValueError(f"{str(root)!r} holds no class folders; expected {root}/<class>/*.jpg")
    return names


def images_of(folder: Path) -> list[str]:
    """Paths of the images in `folder`, sorted.

    Raises:
        ValueError: There is none.
    """
    files = sorted(e.path for e in os.scandir(folder) if e.name.lower().endswith(SUFFIXES))
    if not files:
        raise ValueError(
            f"class folder {str(folder)!r} is empty: no file ends in {', '.join(SUFFIXES)}; "
            "add images, or remove the folder"
        )
    return files


def check_readable(path: str) -> None:
    """Look at the head of a file.

    Raises:
        ValueError: No OpenCV reader knows it as an image.
    """
    if not cv2.haveImageReader(path):
        raise ValueError(f"{path}: cannot be read as an image; replace or remove the file")
