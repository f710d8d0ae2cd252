"""A set of one's own, read by the readers of a training: what is there, and what is wrong with it.

What stands under `wrong` is what a training would refuse: it is what the reader said when it was
built, with all that it found.
"""

import logging
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from tricklift.data.checks import spread, with_progress
from tricklift.data.headers import image_header
from tricklift.errors import UserError, printable
from tricklift.own.parts import Layout, Part
from tricklift.records.shared_images import same_files

#: Pictures whose headers are read for the table of sizes, at the most.
SIZED = 5_000


@dataclass
class Split:
    """One split, as its reader sees it.

    Attributes:
        told: How it came about.
        images: How many there are; 0 where the reader refuses.
        sizes: Width and height of images: of all, or of some of a large set.
        boxes: Sides of boxes, the root of their area as a share of the image's short side (det).
        empty: Images without boxes (det).
        mended: What the reader mended or left out, one line a kind.
        wrong: What it refuses: path and remedy.
        paths: The images.
    """

    told: str
    images: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)
    boxes: list[float] = field(default_factory=list)
    empty: int = 0
    mended: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def middle(self) -> tuple[int, int]:
        """The median width and height."""
        widths, heights = zip(*self.sizes, strict=True) if self.sizes else ((0,), (0,))
        return int(statistics.median(widths)), int(statistics.median(heights))


@dataclass
class Report:
    """What is known of a set: its layout, and its two splits."""

    layout: Layout
    train: Split
    val: Split
    shared: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that a training would refuse."""
        return [*self.train.wrong, *self.val.wrong]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        layout = self.layout
        return {
            "path": str(layout.root),
            "task": layout.task,
            "layout": layout.kind,
            "reader": layout.reader,
            "classes": {name: layout.counts[name] for name in layout.classes},
            "notes": list(layout.notes),
            "splits": {
                name: {
                    **{
                        k: v
                        for k, v in asdict(split).items()
                        if k not in ("paths", "boxes", "sizes")
                    },
                    "size": list(split.middle()),
                    "smallest": list(min(split.sizes, key=min, default=(0, 0))),
                    "largest": list(max(split.sizes, key=max, default=(0, 0))),
                }
                for name, split in (("train", self.train), ("val", self.val))
            },
            "in both splits": [list(pair) for pair in self.shared],
        }


def report(layout: Layout, place: Path) -> Report:
    """Read both splits with the reader of a training.

    Args:
        layout: Of the data.
        place: Where lists of splits are written that the data do not have.
    """
    train, val = (
        _read(layout, part, place, split)
        for split, part in (("train", layout.train), ("val", layout.val))
    )
    val_paths = with_progress(val.paths, "validation images for copies in training")
    pairs = same_files(train.paths, val_paths)
    return Report(layout, train, val, [(known, path) for path, known in pairs])


def reader_settings(layout: Layout, part: Part, place: Path, split: str) -> dict[str, Any]:
    """A split's data set as a config has it, without a pipeline."""
    settings = {"type": layout.reader, **part.write(place, split), **layout.settings}
    if layout.task == "cls":
        settings["num_classes"] = len(layout.classes)
        if not part.listing:
            return settings
    if split == "val" and layout.task != "cls":
        settings["test_mode"] = True
    return {**settings, "metainfo": {"classes": layout.classes}}


def build(settings: dict[str, Any], task: str) -> Any:
    """The data set of a config's settings.

    Raises:
        UserError: What the reader refuses.
    """
    import_module(task)  # registers the readers
    scope = {"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}[task]
    registry = import_module(f"{scope}.registry").DATASETS
    return registry.build({"pipeline": [], **settings})


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keeps back what readers say of repairs: the report has it."""
    logger = MMLogger.get_current_instance()

    def quiet(record: logging.LogRecord) -> bool:
        return record.levelno != logging.WARNING

    logger.addFilter(quiet)
    try:
        yield
    finally:
        logger.removeFilter(quiet)


def _read(layout: Layout, part: Part, place: Path, name: str) -> Split:
    split = Split(part.told)
    try:
        with _no_warnings():
            data = build(reader_settings(layout, part, place, name), layout.task)
    except UserError as error:
        split.wrong = list(error.findings) or [str(error)]
        return split
    repairs = data.repairs
    split.mended = list(repairs) if isinstance(repairs, tuple) else repairs.lines()
    items = [data.get_data_info(place) for place in range(len(data))]
    split.images = len(items)
    split.paths = [item["img_path"] for item in items]
    for item in items if layout.task == "det" else ():
        split.sizes.append((item["width"], item["height"]))
        split.boxes += _sides(item)
        split.empty += not item["instances"]
    if layout.task != "det":
        some = spread(split.paths, SIZED)
        for path in with_progress(some, f"sizes of {layout.root}"):
            try:
                split.sizes.append(image_header(path).size)
            except UserError as error:
                split.wrong.append(str(error))
    return split


def _sides(item: dict[str, Any]) -> list[float]:
    short = min(item["width"], item["height"])
    boxes = [found["bbox"] for found in item["instances"]]
    return [((x2 - x1) * (y2 - y1)) ** 0.5 / short for x1, y1, x2, y2 in boxes]


def to_text(found: Report, most: int = 10) -> str:
    """The report as a page for the terminal.

    Args:
        found: The report.
        most: Lines of one kind; the rest is counted.
    """
    layout = found.layout
    unit = {"cls": "images", "det": "boxes", "seg": "masks"}[layout.task]
    lines = [f"{layout.root}: {layout.kind}, read for {layout.task} by {layout.reader}", ""]
    for name, split in (("train", found.train), ("val", found.val)):
        size = "x".join(map(str, split.middle()))
        there = f"{split.images} images, median {size} pixels" if split.images else "refused"
        there += f", {split.empty} without boxes" if split.empty else ""
        lines.append(f"{name:6} {there} ({split.told})")
    lines += ["", f"{len(layout.classes)} classes, with their {unit}:"]
    lines += _some([f"  {name}: {layout.counts[name]}" for name in layout.classes], 2 * most)
    lines += [f"note: {text}" for text in layout.notes]
    mended = [
        f"{n}: {t}" for n, s in (("train", found.train), ("val", found.val)) for t in s.mended
    ]
    lines += ["", "mended or left out:", *_some([f"  {t}" for t in mended], most)] if mended else []
    if found.shared:
        pairs = [f"  {other} is {one}" for one, other in found.shared]
        lines += [
            "",
            f"{len(pairs)} images of validation are in the training set too; remove them:",
        ]
        lines += _some(pairs, most)
    if found.wrong:
        lines += ["", f"{len(found.wrong)} faults; a training refuses these data:"]
        lines += _some([f"  {text}" for text in found.wrong], most)
    else:
        lines += ["", "nothing that a training would refuse"]
    return "\n".join(map(printable, lines))


def _some(lines: list[str], most: int) -> list[str]:
    rest = len(lines) - most
    return lines if rest <= 0 else [*lines[:most], f"  and {rest} more (all of them: --json)"]
