"""What a folder of somebody's data is: class folders, VOC, COCO, or images with masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError
from tricklift.own import boxes, class_folders, coco_files, masks
from tricklift.own.parts import Layout

TASKS = ("cls", "det", "seg")
#: In this order: images and masks in two folders look like two classes.
_FINDERS: tuple[tuple[str, Callable[..., Layout | None]], ...] = (
    ("det", coco_files.coco),
    ("det", boxes.voc),
    ("seg", masks.folders),
    ("cls", class_folders.folders),
)
_KNOWN = """
  cls: <class>/*.jpg, or train/<class>/*.jpg and val/<class>/*.jpg (pictures at any depth)
  det: VOC (Annotations/*.xml, JPEGImages, ImageSets/Main/*.txt; or XMLs beside their pictures), or
       COCO (a JSON with images, annotations and categories)
  seg: images and masks of the same names (images/train, masks/train; leftImg8bit, gtFine; ...)"""


def find(path: str | Path, task: str | None = None, **options: Any) -> Layout:
    """What a folder is.

    Args:
        path: The folder.
        task: What it is for; None: what it looks like.
        **options: Of the task's layout: `classes`, to take some of its classes alone.

    Raises:
        MissingFileError: There is no such folder.
        UserError: It is none of the known layouts, fits two tasks, or is not of the task.
    """
    root = Path(path).expanduser().absolute()
    if task not in (None, *TASKS):
        raise UserError(f"--task takes {', '.join(TASKS)}, got {task!r}")
    if not root.exists():
        raise MissingFileError(f"no folder {str(root)!r}; correct the path")
    found: dict[str, Layout] = {}
    for kind, finder in _FINDERS:
        if task in (None, kind) and kind not in found:
            if kind == "cls" and found:
                break  # any folder with folders of pictures would do
            layout = finder(root, **options)
            if layout is not None:
                found[kind] = layout
    if not found:
        what = f"data for {task}" if task else "data that tricklift knows"
        raise UserError(f"{root} does not look like {what}; expected one of{_KNOWN}")
    if len(found) > 1:
        raise UserError(
            f"{root} has data for {' and '.join(found)}; say which by --task {'|'.join(found)}"
        )
    return next(iter(found.values()))
