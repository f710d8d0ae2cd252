"""What lies behind and over the objects: surfaces, clutter, light and noise."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tricklift.data.miniworld.textures import colour_pair, surface
from tricklift.data.miniworld.vocabulary import SURFACES


def background(
    rng: np.random.Generator, height: int, width: int, main_surface: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One to three regions of different surfaces with wavy borders.

    Returns:
        Canvas (H, W, 3) float32, BGR, and labels (H, W) uint8: 0 other, k the k-th of `SURFACES`
        (from 1). The largest region has `main_surface` (an index into `SURFACES`, from 0).
    """
    regions = int(rng.integers(1, 3, endpoint=True))
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    phase = rng.uniform(0, 2 * np.pi, 2)
    x_bent = x + 5 * np.sin(y / 9 + phase[0])
    y_bent = y + 5 * np.sin(x / 9 + phase[1])
    seeds = rng.uniform((0, 0), (width, height), (regions, 2))
    distance = np.stack([(x_bent - sx) ** 2 + (y_bent - sy) ** 2 for sx, sy in seeds])
    region = distance.argmin(axis=0)
    by_size = np.argsort(-np.bincount(region.ravel(), minlength=regions), kind="stable")
    others = [kind for kind in range(len(SURFACES) + 1) if kind != main_surface + 1]
    kinds = [main_surface + 1, *rng.permutation(others)[: regions - 1].tolist()]
    canvas = np.empty((height, width, 3), np.float32)
    labels = np.empty((height, width), np.uint8)
    for index, kind in zip(by_size, kinds, strict=True):
        inside = region == index
        name = SURFACES[kind - 1] if kind else "other"
        canvas[inside] = surface(name, height, width, rng)[inside]
        labels[inside] = kind
    return canvas, labels


def clutter(rng: np.random.Generator, canvas: NDArray[np.float32]) -> None:
    """Draw lines and small blobs over the background, in place."""
    height, width = canvas.shape[:2]
    area = height * width / 4096
    for _ in range(rng.poisson(1.3 * area**0.5)):
        start, end = rng.uniform((0, 0), (width, height), (2, 2)).astype(int).tolist()
        colour = tuple(map(float, colour_pair(rng, 20)[0]))
        cv2.line(canvas, start, end, colour, int(rng.integers(1, 3, endpoint=True)))
    for _ in range(rng.poisson(1.3 * area**0.5)):
        centre = rng.uniform((0, 0), (width, height)).astype(int).tolist()
        colour = tuple(map(float, colour_pair(rng, 20)[0]))
        cv2.circle(canvas, centre, int(rng.integers(2, 5, endpoint=True)), colour, -1)


def develop(rng: np.random.Generator, canvas: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Light from one side, sometimes blur, always noise."""
    height, width = canvas.shape[:2]
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.4)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = rng.uniform(0.75, 1.1) + strength * (np.cos(angle) * x + np.sin(angle) * y) / 1.5
    canvas = canvas * light[..., None].astype(np.float32)
    if rng.random() < 0.2:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 0.8)).astype(np.float32)
    noise = rng.standard_normal(canvas.shape, dtype=np.float32)
    canvas = canvas + np.float32(rng.uniform(2, 11)) * noise
    return np.clip(canvas, 0, 255).astype(np.uint8)
