"""Look at boxes before training, whatever file they come from: one clear error, or a repair."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tricklift.data.files import Repairs
from tricklift.data.headers import Picture
from tricklift.data.pictures import check_frame
from tricklift.errors import UserError, did_you_mean

CORNERS = ("xmin", "ymin", "xmax", "ymax")
#: What may become of an image without boxes, and of an object of a class that is not asked for.
WITHOUT_BOXES = ("error", "background", "skip")
OTHER_CLASSES = ("error", "skip")


@dataclass(frozen=True)
class Rules:
    """What a data set asks of its annotations.

    Attributes:
        classes: Known class names.
        border: Pixels by which a box may leave its image; it is clipped.
        without_boxes: One of `WITHOUT_BOXES`.
        other_classes: One of `OTHER_CLASSES`.
    """

    classes: tuple[str, ...]
    border: int = 2
    without_boxes: str = "error"
    other_classes: str = "error"

    def __post_init__(self) -> None:
        for key, value, known in (
            ("images_without_boxes", self.without_boxes, WITHOUT_BOXES),
            ("other_classes", self.other_classes, OTHER_CLASSES),
        ):
            if value not in known:
                raise UserError(f"{key} must be one of {', '.join(known)}; got {value!r}")

    def takes(self, name: str, where: str, repairs: Repairs) -> bool:
        """Whether an object of that class is read.

        Raises:
            UserError: It is unknown, and other classes are an error.
        """
        if name in self.classes:
            return True
        if self.other_classes == "error":
            raise UserError(
                f"{where}: unknown class {name!r}; known: {', '.join(self.classes)}"
                f"{did_you_mean(name, self.classes)}; correct it, set metainfo.classes, or leave "
                "objects of other classes out with other_classes='skip' in the dataset's config"
            )
        repairs.note(f"object of class {name!r}, which is not asked for, skipped", where)
        return False

    def keeps_empty(self, where: str, remedy: str, repairs: Repairs) -> bool:
        """Whether an image without boxes stays in the set.

        Raises:
            UserError: Such images are an error.
        """
        if self.without_boxes == "error":
            raise UserError(
                f"{where}: no boxes; annotate the image, {remedy}, or say "
                "images_without_boxes='background' (keep such images) or 'skip' in the dataset's "
                "config"
            )
        if self.without_boxes == "skip":
            repairs.note("image without boxes skipped", where)
        return self.without_boxes == "background"


def check_box(
    box: Sequence[float],
    first: int,
    size: tuple[int, int],
    name: str,
    where: str,
    border: int,
    repairs: Repairs,
) -> list[float] | None:
    """A box within its image; None means that it is to be dropped.

    Args:
        box: ``(xmin, ymin, xmax, ymax)`` in pixels.
        first: The coordinate of the image's edge: 1 in VOC, where fractions are cut off, as mmdet
            does; 0 in COCO, where they are kept.
        size: Width and height of the image.
        name: The object's class.
        where: The annotation's file, and what in it.
        border: Pixels by which the box may leave its image.
        repairs: Counts what is clipped or cut, and what is dropped: narrower than a pixel.

    Raises:
        UserError: Its corners are swapped, or it leaves the image by more.
    """
    limits = (*size, *size)
    what = f"{where}: box of {name!r} "
    what += ", ".join(f"{key}={value:g}" for key, value in zip(CORNERS, box, strict=True))
    if box[2] < box[0] or box[3] < box[1]:
        raise UserError(f"{what} has its corners swapped; xmin < xmax and ymin < ymax are needed")
    pairs = list(zip(box, limits, strict=True))
    # the cut: first <= coordinate <= side
    if any(value < first - border or value > limit + border for value, limit in pairs):
        raise UserError(
            f"{what} leaves its image of {size[0]}x{size[1]} pixels by more than {border}; correct "
            "the box, or allow more with border=N in the dataset"
        )
    short = f"{where.rpartition('/')[2]}, {name} ({', '.join(f'{v:g}' for v in box)})"
    cut = int if first else float
    clipped = [min(max(cut(value), first), limit) for value, limit in pairs]
    if clipped[2] - clipped[0] < 1 or clipped[3] - clipped[1] < 1:
        repairs.note("box without area dropped", short)
        return None
    if any(value < first or value > limit for value, limit in pairs):
        repairs.note(f"box that leaves the image by up to {border} pixels clipped", short)
    if first and any(value % 1 for value in box):
        repairs.note("box with fractions of pixels cut to whole ones, as mmdet reads VOC", short)
    return clipped


def check_size(
    given: tuple[float, float],
    picture: Picture,
    image: str | Path,
    where: str,
    repairs: Repairs,
) -> None:
    """Compare the size that an annotation gives with its image's, as readers turn it.

    Raises:
        UserError: It is another one, or `check_frame` refuses the picture; a size that is missing
            or transposed otherwise is counted.
    """
    check_frame(picture, image, given, where, repairs)
    size = picture.size
    if given == size:
        return
    known = [one == other for one, other in zip(given, size, strict=True) if one]
    if (len(known) < 2 and all(known)) or given == size[::-1]:
        what = "size in the annotation is missing or transposed, taken from the image"
        repairs.note(what, where.rpartition("/")[2])
        return
    raise UserError(
        f"{where}: written for an image of {given[0]:g}x{given[1]:g} pixels, but its image has "
        f"{size[0]}x{size[1]}, so the boxes would be wrong; restore the image or scale the boxes"
    )
