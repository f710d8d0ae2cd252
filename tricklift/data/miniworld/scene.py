"""Compose one picture: surfaces, clutter, distractors and objects, with the truth about each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tricklift.data.miniworld.background import background, clutter, develop
from tricklift.data.miniworld.shapes import outline, random_affine, rasterise
from tricklift.data.miniworld.textures import colour_pair, mix, pattern
from tricklift.data.miniworld.vocabulary import (
    CLASSES,
    DISTRACTOR_OUTLINES,
    DISTRACTOR_TEXTURES,
    RECIPES,
)

#: An object that shows less than this of itself is marked difficult.
DIFFICULT_BELOW = 0.4
#: Nothing is placed where it would leave an object with fewer visible pixels.
LEAST_PIXELS = 24

#: Value of unlabelled shapes in an instance map.
DISTRACTOR = 255

_TRIES = 12

_Window = tuple[slice, slice]


@dataclass(frozen=True)
class Plan:
    """What a picture shall hold; each pair is an inclusive range.

    Attributes:
        sides: Range of height and width in pixels (multiples of 16).
        objects: How many labelled objects.
        diameter: Size of objects in pixels.
        distractors: How many unlabelled shapes.
        margin: Part of an object's half size that its centre keeps from the border: 1 keeps the
            whole object inside, 0 lets half of it be cut away.
        centred: Put the first object near the middle, cut by nothing or little.
        least_visible: Nothing is placed where it would leave less of an object than this part.
    """

    sides: tuple[int, int]
    objects: tuple[int, int]
    diameter: tuple[float, float]
    distractors: tuple[int, int]
    margin: float = 0.3
    centred: bool = False
    least_visible: float = 0.15


@dataclass(frozen=True)
class SceneObject:
    """One labelled object.

    Attributes:
        label: Index into `CLASSES`.
        box: First and last column and row of its visible pixels, (x0, y0, x1, y1), 0-based and
            inclusive.
        visible: Part of the whole shape that shows, in (0, 1].
        truncated: Whether the border of the picture cuts it.
    """

    label: int
    box: tuple[int, int, int, int]
    visible: float
    truncated: bool

    @property
    def difficult(self) -> bool:
        """Whether most of it is hidden."""
        return self.visible < DIFFICULT_BELOW


@dataclass(frozen=True)
class Scene:
    """A picture and the truth about it.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        instances: (H, W) uint8: 0 background, k the k-th of `objects` (from 1), or `DISTRACTOR`.
        surfaces: (H, W) uint8: 0 other, k the k-th of `SURFACES` (from 1); below the objects too.
        objects: The labelled objects, back to front.
    """

    image: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    surfaces: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]


def compose(rng: np.random.Generator, plan: Plan, label: int, main_surface: int) -> Scene:
    """Draw one picture.

    Args:
        rng: Source of all randomness.
        plan: What to draw.
        label: Index into `CLASSES` of the object that is certainly there.
        main_surface: Index into `SURFACES` of the largest region of the background.

    Returns:
        The scene; boxes, visibility and masks are measured on what was drawn.
    """
    height, width = 16 * rng.integers(plan.sides[0] // 16, plan.sides[1] // 16, 2, endpoint=True)
    canvas, surfaces = background(rng, int(height), int(width), main_surface)
    clutter(rng, canvas)
    board = _Board(canvas, plan)
    board.place(rng, _sketch(rng, plan, label), centred=plan.centred)
    for follower in _more_labels(rng, plan):
        board.place(rng, _sketch(rng, plan, follower))
    return Scene(develop(rng, canvas), board.instances, surfaces, board.measure())


_NO_LABEL = -1  # of a distractor


def _more_labels(rng: np.random.Generator, plan: Plan) -> list[int]:
    """Labels of what follows the first object, shuffled with `_NO_LABEL` for distractors."""
    objects = int(rng.integers(*plan.objects, endpoint=True)) - 1
    distractors = int(rng.integers(*plan.distractors, endpoint=True))
    labels = [*rng.integers(0, len(CLASSES), objects).tolist(), *[_NO_LABEL] * distractors]
    return [int(value) for value in rng.permutation(labels)]


@dataclass(frozen=True)
class _Sketch:
    """A shape before it has a place: paint (H, W, 3) and coverage (H, W), both float32."""

    label: int
    paint: NDArray[np.float32]
    cover: NDArray[np.float32]

    @property
    def solid(self) -> NDArray[np.bool_]:
        return self.cover >= 0.5


def _sketch(rng: np.random.Generator, plan: Plan, label: int) -> _Sketch:
    diameter = rng.uniform(*plan.diameter)
    if label == _NO_LABEL:
        diameter *= rng.uniform(0.6, 0.9)
        shape = str(rng.choice(DISTRACTOR_OUTLINES))
        texture = str(rng.choice(DISTRACTOR_TEXTURES))
    else:
        shape, texture = RECIPES[CLASSES[label]]
    affine = random_affine(rng, diameter)
    cover = rasterise([contour @ affine.T for contour in outline(shape, rng)])
    period = float(np.clip(diameter / rng.uniform(5, 8), 4.5, 10))
    field = pattern(texture, cover.shape[0], cover.shape[1], period, rng)
    return _Sketch(label, mix(field, *colour_pair(rng, contrast=60)), cover)


@dataclass(frozen=True)
class _Placed:
    label: int
    pixels: int  # of the whole shape: hidden parts and parts outside count
    truncated: bool


class _Board:
    """A canvas on which shapes are laid, back to front, and the map of who shows where."""

    def __init__(self, canvas: NDArray[np.float32], plan: Plan) -> None:
        self.canvas = canvas
        self.plan = plan
        self.instances = np.zeros(canvas.shape[:2], np.uint8)
        self.objects: list[_Placed] = []

    def place(self, rng: np.random.Generator, sketch: _Sketch, centred: bool = False) -> None:
        """Lay a shape where it hides nothing too much; leave it out if a few tries find no place.

        The first object goes to the middle rather than be left out.
        """
        for attempt in range(_TRIES):
            last_resort = not self.objects and attempt == _TRIES - 1
            corner = self._corner(rng, sketch.cover.shape, centred or last_resort)
            window, inside = _overlap(corner, sketch.cover.shape, self.instances.shape)
            if self._allowed(window, sketch.solid[inside], int(sketch.solid.sum())):
                self._lay(sketch, window, inside)
                return

    def measure(self) -> tuple[SceneObject, ...]:
        """Boxes and visibility, read off the map."""
        found = []
        for number, item in enumerate(self.objects, start=1):
            rows, columns = np.nonzero(self.instances == number)
            box = (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))
            found.append(SceneObject(item.label, box, len(rows) / item.pixels, item.truncated))
        return tuple(found)

    def _corner(
        self, rng: np.random.Generator, shape: tuple[int, ...], centred: bool
    ) -> tuple[int, int]:
        """Top and left of a patch; negative where the border cuts it. Its centre is inside."""
        corner: list[int] = []
        rooms: tuple[int, ...] = self.instances.shape
        for extent, room in zip(shape, rooms, strict=True):
            reach = self.plan.margin * extent / 2
            if centred:
                centre = rng.normal(room / 2, room * 0.08)
            else:
                centre = rng.uniform(min(reach, room / 2), max(room - reach, room / 2))
            start = round(centre - extent / 2)
            corner.append(min(max(start, -extent // 2), room - extent // 2))
        return corner[0], corner[1]

    def _allowed(self, window: _Window, solid: NDArray[np.bool_], pixels: int) -> bool:
        """Whether enough would show of the new shape and of every object that it covers."""
        if solid.sum() < self._least(pixels):
            return False
        hidden = np.bincount(self.instances[window][solid], minlength=256)
        for number, item in enumerate(self.objects, start=1):
            if hidden[number]:
                rest = np.count_nonzero(self.instances == number) - hidden[number]
                if rest < self._least(item.pixels):
                    return False
        return True

    def _least(self, pixels: int) -> float:
        return max(self.plan.least_visible * pixels, LEAST_PIXELS)

    def _lay(self, sketch: _Sketch, window: _Window, inside: _Window) -> None:
        alpha = sketch.cover[inside][..., None]
        self.canvas[window] += alpha * (sketch.paint[inside] - self.canvas[window])
        number = DISTRACTOR
        if sketch.label != _NO_LABEL:
            whole = int(sketch.solid.sum())
            cut = int(sketch.solid[inside].sum()) < whole
            self.objects.append(_Placed(sketch.label, whole, cut))
            number = len(self.objects)
        self.instances[window][sketch.solid[inside]] = number


def _overlap(
    corner: tuple[int, int], shape: tuple[int, ...], frame: tuple[int, ...]
) -> tuple[_Window, _Window]:
    """Where a patch lies: its part inside the frame, in the frame's and in its own pixels."""
    window, inside = [], []
    for start, extent, room in zip(corner, shape, frame, strict=True):
        first, stop = max(start, 0), min(start + extent, room)
        window.append(slice(first, stop))
        inside.append(slice(first - start, stop - start))
    return (window[0], window[1]), (inside[0], inside[1])
