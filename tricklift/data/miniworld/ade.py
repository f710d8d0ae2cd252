"""Write MiniWorld as an ADE20K tree: `ade/{images,annotations}/{training,validation}`."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tricklift.data.miniworld.files import encode_jpeg, encode_png, write
from tricklift.data.miniworld.scene import DISTRACTOR, Plan, Scene, SceneObject, compose
from tricklift.data.miniworld.vocabulary import CLASSES, SEG_CLASSES, SURFACES

#: Several objects on 128 pixels.
PLAN = Plan(sides=(128, 128), objects=(2, 5), diameter=(28, 64), distractors=(1, 3))

_PREFIX = {"training": "ADE_train", "validation": "ADE_val"}


def write_example(
    root: Path, split: str, index: int, rng: np.random.Generator
) -> tuple[SceneObject, ...]:
    """Draw and write one picture and its mask.

    Args:
        root: Where to write.
        split: training or validation.
        index: Number of the picture in its split, from 0.
        rng: Source of all randomness.

    Returns:
        The objects in it.
    """
    scene = compose(rng, PLAN, index % len(CLASSES), index % len(SURFACES))
    name = f"{_PREFIX[split]}_{index + 1:08d}"
    write(root, f"ade/images/{split}/{name}.jpg", encode_jpeg(scene.image))
    write(root, f"ade/annotations/{split}/{name}.png", encode_png(label_mask(scene)))
    return scene.objects


def label_mask(scene: Scene) -> NDArray[np.uint8]:
    """Labels of `SEG_CLASSES` for every pixel.

    Returns:
        (H, W) uint8: 0 other (distractors and the collage surface), k for `SEG_CLASSES[k - 1]`.
    """
    first_thing = len(SURFACES) + 1
    lookup = np.zeros(256, np.uint8)
    for number, item in enumerate(scene.objects, start=1):
        lookup[number] = first_thing + item.label
    mask = np.where(scene.instances == 0, scene.surfaces, lookup[scene.instances])
    mask[scene.instances == DISTRACTOR] = 0
    assert mask.max() <= len(SEG_CLASSES)
    return mask
