"""Write MiniWorld as an ImageNet folder: `imagenet/{train,val}/<class>/<name>.jpg`."""

from pathlib import Path

import numpy as np

from tricklift.data.miniworld.files import encode_jpeg, write
from tricklift.data.miniworld.scene import Plan, SceneObject, compose
from tricklift.data.miniworld.vocabulary import CLASSES, SURFACES

#: One main object a picture, 64 pixels, with up to two distractors.
PLAN = Plan(
    sides=(64, 64),
    objects=(1, 1),
    diameter=(32, 54),
    distractors=(0, 2),
    centred=True,
    least_visible=0.7,
)


def write_example(
    root: Path, split: str, index: int, rng: np.random.Generator
) -> tuple[SceneObject, ...]:
    """Draw and write one picture; its class is `CLASSES[index % 12]`.

    Args:
        root: Where to write.
        split: train or val.
        index: Number of the picture in its split, from 0.
        rng: Source of all randomness.

    Returns:
        The objects in it.
    """
    label = index % len(CLASSES)
    scene = compose(rng, PLAN, label, index % len(SURFACES))
    name = f"imagenet/{split}/{CLASSES[label]}/{split}_{index + 1:08d}.jpg"
    write(root, name, encode_jpeg(scene.image))
    return scene.objects
