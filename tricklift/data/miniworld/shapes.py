"""Outlines of objects: closed polygons in a unit square, placed by an affine map and rasterised."""

import cv2
import numpy as np
from numpy.typing import NDArray

Contour = NDArray[np.float32]

_SUPERSAMPLE = 4  # masks are drawn at four times the size and averaged: smooth edges
_SUBPIXEL_BITS = 4  # cv2.fillPoly takes fixed-point coordinates


def _polar(radius: float | NDArray[np.float64], points: int) -> Contour:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return _polygon(radius * np.cos(angle), radius * np.sin(angle))


def _polygon(x: NDArray[np.floating], y: NDArray[np.floating]) -> Contour:
    return np.stack([x, y], axis=1).astype(np.float32)


def _from_points(*points: tuple[float, float]) -> Contour:
    return np.array(points, dtype=np.float32)


def _star() -> Contour:
    radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.4)
    angle = np.arange(10) * np.pi / 5
    return _polygon(radius * np.cos(angle), radius * np.sin(angle))


def _cross(arm: float = 0.28) -> Contour:
    quarter = [(1.0, -arm), (1.0, arm), (arm, arm)]
    points = []
    for _ in range(4):
        points += quarter
        quarter = [(-y, x) for x, y in quarter]
    return _from_points(*points)


def _crescent() -> Contour:
    outer = np.linspace(0.25 * np.pi, 1.75 * np.pi, 24)
    inner = outer[::-1]
    x = np.concatenate([np.cos(outer), 0.35 + 0.78 * np.cos(inner)])
    y = np.concatenate([np.sin(outer), 0.78 * np.sin(inner)])
    return _polygon(x, y)


def _heart() -> Contour:
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return _polygon(x / 17, y / 17)


def _blob(rng: np.random.Generator) -> Contour:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.full(40, 0.7)
    for harmonic in (2, 3, 5):
        radius += 0.14 * rng.normal() * np.cos(harmonic * angle + rng.uniform(0, 2 * np.pi))
    return _polar(np.clip(radius, 0.25, 1.0), 40)


_FIXED: dict[str, list[Contour]] = {
    "disc": [_polar(1.0, 36)],
    "block": [_from_points((-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85))],
    "triangle": [1.15 * _polar(1.0, 3)],
    "star": [1.1 * _star()],
    "cross": [_cross()],
    "ring": [_polar(1.0, 36), _polar(0.45, 36)],  # even-odd filling makes the second one a hole
    "crescent": [_crescent()],
    "heart": [_heart()],
    "arrow": [
        _from_points(
            (1, 0), (0.1, 0.8), (0.1, 0.3), (-1, 0.3), (-1, -0.3), (0.1, -0.3), (0.1, -0.8)
        )
    ],
    "chevron": [
        _from_points((-0.9, -0.9), (-0.3, -0.9), (-0.3, 0.3), (0.9, 0.3), (0.9, 0.9), (-0.9, 0.9))
    ],
    "bar": [_from_points((-1, -0.22), (1, -0.22), (1, 0.22), (-1, 0.22))],
}

#: All outlines by name ("blob" is a random one).
OUTLINES: tuple[str, ...] = (*_FIXED, "blob")


def outline(name: str, rng: np.random.Generator) -> list[Contour]:
    """The contours of one outline, with slightly moved corners.

    Args:
        name: One of `OUTLINES`.
        rng: Source of randomness.

    Returns:
        Contours (P, 2) float32, x and y in about [-1.1, 1.1]; a second one is a hole.
    """
    contours = [_blob(rng)] if name == "blob" else _FIXED[name]
    return [c + rng.normal(0, 0.02, c.shape).astype(np.float32) for c in contours]


def random_affine(rng: np.random.Generator, diameter: float) -> NDArray[np.float32]:
    """A 2x2 map from unit coordinates to pixels: any rotation, some aspect and shear.

    Args:
        rng: Source of randomness.
        diameter: Pixels that the unit circle measures across, before aspect and shear.
    """
    angle = rng.uniform(0, 2 * np.pi)
    aspect = np.exp(rng.uniform(-0.16, 0.16))
    cos, sin = np.cos(angle), np.sin(angle)
    stretch = np.array([[aspect, rng.uniform(-0.12, 0.12)], [0, 1 / aspect]])
    rotation = np.array([[cos, -sin], [sin, cos]])
    return (diameter / 2 * rotation @ stretch).astype(np.float32)


def rasterise(contours: list[Contour]) -> NDArray[np.float32]:
    """Fill contours given in pixels.

    Returns:
        Coverage (H, W) float32 in [0, 1], just large enough for the whole shape with an empty rim
        of one or two pixels. `cv2.fillPoly` paints the border too: edges lie up to a quarter of a
        pixel too far to the right and the bottom.
    """
    points = np.concatenate(contours)
    low = np.floor(points.min(axis=0)) - 1
    width, height = (np.ceil(points.max(axis=0)) + 2 - low).astype(int)
    canvas = np.zeros((height * _SUPERSAMPLE, width * _SUPERSAMPLE), np.uint8)
    # A pixel's centre has whole coordinates in OpenCV, hence the half.
    scale = float(1 << _SUBPIXEL_BITS)
    fixed = [np.round(((c - low) * _SUPERSAMPLE - 0.5) * scale).astype(np.int32) for c in contours]
    cv2.fillPoly(canvas, fixed, 255, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    small = cv2.resize(canvas, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    return (small / 255).astype(np.float32)
