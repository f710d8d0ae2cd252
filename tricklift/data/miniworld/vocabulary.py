"""The words of MiniWorld: 12 object classes, 5 labelled surfaces, and their colours in pictures.

A class is a PAIR of an outline and a texture. Every outline has two textures and every texture
three outlines, so that neither of the two alone tells a class: a network has to learn both.
Outlines that are hard to tell apart at this size (disc and block, star and cross, star and
triangle) share no texture.
"""

from collections.abc import Mapping
from types import MappingProxyType

#: class name -> (outline, texture)
RECIPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "checked_disc": ("disc", "checks"),
        "dotted_disc": ("disc", "dots"),
        "striped_block": ("block", "stripes"),
        "wavy_block": ("block", "waves"),
        "striped_triangle": ("triangle", "stripes"),
        "checked_triangle": ("triangle", "checks"),
        "dotted_star": ("star", "dots"),
        "wavy_star": ("star", "waves"),
        "checked_cross": ("cross", "checks"),
        "striped_cross": ("cross", "stripes"),
        "wavy_ring": ("ring", "waves"),
        "dotted_ring": ("ring", "dots"),
    }
)

#: Things: the classes of classification and detection, in label order.
CLASSES: tuple[str, ...] = tuple(RECIPES)

#: Stuff: labelled background surfaces, in label order.
SURFACES: tuple[str, ...] = ("haze", "sand", "brick", "ripple", "grass")

#: Classes of segmentation: surfaces, then things. Label k of a mask is `SEG_CLASSES[k - 1]`;
#: label 0 is "other" (distractors, unlabelled surface), ignored as in ADE20K with
#: `reduce_zero_label=True`.
SEG_CLASSES: tuple[str, ...] = SURFACES + CLASSES

#: One RGB colour a class of `SEG_CLASSES`, for drawings (the last 12 serve `CLASSES`).
PALETTE: tuple[tuple[int, int, int], ...] = (
    (176, 196, 222),
    (210, 180, 140),
    (165, 82, 62),
    (95, 158, 160),
    (107, 142, 35),
    (230, 25, 75),
    (250, 190, 212),
    (0, 130, 200),
    (70, 240, 240),
    (245, 130, 48),
    (255, 225, 25),
    (145, 30, 180),
    (240, 50, 230),
    (0, 128, 128),
    (128, 255, 170),
    (128, 0, 0),
    (170, 110, 40),
)

#: Outlines and textures of distractors, which carry no label. No class has one of these outlines.
DISTRACTOR_OUTLINES: tuple[str, ...] = ("crescent", "heart", "arrow", "bar", "chevron", "blob")
DISTRACTOR_TEXTURES: tuple[str, ...] = ("stripes", "dots", "checks", "waves", "plain", "grain")
