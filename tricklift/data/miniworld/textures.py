"""Textures of objects and surfaces: patterns in [0, 1] that mix two random colours.

Colour carries no class: each instance draws its own pair. What tells a texture is its pattern.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

_TAU = np.float32(2 * np.pi)


def _soft_step(field: Field, sharpness: float) -> Field:
    """Map values around 0 to [0, 1], steeply."""
    return np.clip(0.5 + np.float32(sharpness) * field, 0, 1).astype(np.float32)


def _waves(u: Field, v: Field) -> Field:
    bend = np.abs((v / np.float32(2.4)) % 1 - np.float32(0.5)) * np.float32(2.2)  # a zigzag
    return _soft_step(np.sin(_TAU * (u + bend)), 1.5)


_PERIODIC: dict[str, Callable[[Field, Field], Field]] = {
    "stripes": lambda u, v: _soft_step(np.sin(_TAU * u), 1.5),
    "dots": lambda u, v: _soft_step(np.cos(_TAU * u) + np.cos(_TAU * v) - np.float32(0.55), 1.2),
    "checks": lambda u, v: _soft_step(np.sin(_TAU * u / 1.5) * np.sin(_TAU * v / 1.5), 2.5),
    "waves": _waves,
}


def pattern(
    name: str, height: int, width: int, period: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The texture of an object, at a random angle and phase.

    Args:
        name: stripes, dots, checks, waves; or plain, grain (distractors only).
        height: Rows of the patch in pixels.
        width: Columns of the patch in pixels.
        period: Pixels from one repetition to the next.
        rng: Source of randomness.

    Returns:
        (height, width) float32 in [0, 1].
    """
    if name == "plain":
        return np.zeros((height, width), np.float32)
    if name == "grain":
        return _grain(height, width, 1.0, rng)
    u, v = _coordinates(height, width, period, rng)
    return _PERIODIC[name](u, v)


def _coordinates(
    height: int, width: int, period: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Rotated and shifted pixel coordinates in units of `period`."""
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.float32(np.cos(angle) / period), np.float32(np.sin(angle) / period)
    shift_u, shift_v = rng.uniform(0, 10, 2).astype(np.float32)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    return cos * x + sin * y + shift_u, cos * y - sin * x + shift_v


def _grain(height: int, width: int, sigma: float, rng: np.random.Generator) -> Field:
    noise = rng.standard_normal((height, width), dtype=np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), sigma).astype(np.float32)
    return _soft_step(blurred, 0.7 * sigma)


def _haze(height: int, width: int, rng: np.random.Generator) -> Field:
    coarse = rng.uniform(0, 1, (4, 4)).astype(np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 1).astype(np.float32)


def _brick(height: int, width: int, rng: np.random.Generator) -> Field:
    u, v = _coordinates(height, width, rng.uniform(7, 12), rng)
    half = np.float32(0.5)
    across = half - np.abs((u * half + np.floor(v) * half) % 1 - half)  # to the nearest joint,
    along = half - np.abs(v % 1 - half)  # in units of a brick's length and height
    return _soft_step(np.minimum(2 * across, along) - np.float32(0.13), 6)


def _ripple(height: int, width: int, rng: np.random.Generator) -> Field:
    centre_x, centre_y = rng.uniform(0, width), rng.uniform(0, height)
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(centre_x)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(centre_y)
    radius = np.hypot(x, y)
    return _soft_step(np.sin(_TAU * radius / np.float32(rng.uniform(8, 13))), 0.6)


def _grass(height: int, width: int, rng: np.random.Generator) -> Field:
    noise = rng.standard_normal((height, width), dtype=np.float32)
    length = 11
    kernel = np.zeros((length, length), np.float32)
    angle, half = rng.uniform(0, np.pi), length // 2
    step = (half * np.cos(angle), half * np.sin(angle))
    start = (round(half - step[0]), round(half - step[1]))
    end = (round(half + step[0]), round(half + step[1]))
    cv2.line(kernel, start, end, 1.0, 1)
    streaks = cv2.filter2D(noise, -1, kernel / kernel.sum()).astype(np.float32)
    return _soft_step(streaks, 1.3)


_SURFACES: dict[str, Callable[[int, int, np.random.Generator], Field]] = {
    "haze": _haze,
    "sand": lambda height, width, rng: _grain(height, width, 0.7, rng),
    "brick": _brick,
    "ripple": _ripple,
    "grass": _grass,
}


def surface(name: str, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A background surface in its own pair of colours.

    Args:
        name: haze, sand, brick, ripple, grass; or other (a collage that carries no label).
        height: Rows in pixels.
        width: Columns in pixels.
        rng: Source of randomness.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    if name == "other":
        return _collage(height, width, rng)
    first, second = colour_pair(rng, contrast=28, most=80)
    return mix(_SURFACES[name](height, width, rng), first, second).astype(np.uint8)


def _collage(height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = colour_pair(rng, contrast=20)[0]
    for _ in range(8):
        corners = rng.uniform((0, 0), (width, height), (3, 2))
        cv2.fillPoly(image, [corners.astype(np.int32)], tuple(map(float, colour_pair(rng, 20)[0])))
    return image


def colour_pair(
    rng: np.random.Generator, contrast: float, most: float = 205.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two random colours whose brightness differs.

    Args:
        rng: Source of randomness.
        contrast: Least difference of brightness, in grey levels of 255.
        most: Largest difference of brightness; at most 205.

    Returns:
        Two (3,) float32 colours in [0, 255]; either may be the brighter one.
    """
    difference = rng.uniform(contrast, most)
    dark = rng.uniform(25, 230 - difference)
    levels = np.array([dark, dark + difference])
    if rng.random() < 0.5:
        levels = levels[::-1]
    tint = rng.normal(0, 32, (2, 3))
    tint -= tint.mean(axis=1, keepdims=True)
    colours = np.clip(levels[:, None] + tint, 0, 255).astype(np.float32)
    return colours[0], colours[1]


def mix(
    field: NDArray[np.float32], first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Blend two colours: 0 gives the first, 1 the second. (H, W) to (H, W, 3) float32."""
    return first + field[..., None] * (second - first)
