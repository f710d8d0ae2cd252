"""Random files that a run leaves beside its result, and their readers: for reports of strangers."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

from fuzz_values import changed, numbers, scalars, values, words
from hypothesis import strategies as st

# What it answered on single images. --------------------------------------------------------------


def _map() -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (4, 3), 1).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


IMAGES: dict[str, dict[str, Any]] = {
    "cls": {"name": "a.png", "label": 1, "top1": 0},
    "det": {
        **{"name": "a.png", "size": [10, 10], "truth": [[1, 1, 5, 5, 0, 0]]},
        "boxes": [[1, 1, 4, 5, 0, 0.9], [2, 2, 4, 4, 1, 0.2]],
    },
    "seg": {"name": "a.png", "size": [10, 10], "labels": _map(), "truth": _map()},
}


def _whole(task: str) -> dict[str, Any]:
    return {
        **{"schema": 1, "task": task, "split": "val", "step": 8, "images_of_set": 1},
        **{"images": [dict(IMAGES[task])], "classes": ["a", "b"], "palette": [[1, 2, 3]]},
        **{"folder": "in", "root": "/"},
    }


@st.composite
def _predictions(draw: Any) -> bytes:
    held = _whole(draw(st.sampled_from(tuple(IMAGES))))
    place = held["images"][0] if draw(st.booleans()) else held
    for key in draw(st.lists(st.sampled_from(tuple(place)), min_size=1, max_size=3, unique=True)):
        if isinstance(place[key], list) and place[key] and draw(st.booleans()):
            place[key] = [draw(numbers | values | st.just(it)) for it in place[key]]
        else:
            place[key] = draw(values)
    return gzip.compress(json.dumps(held).encode("utf-8", "surrogatepass"))


prediction_files = st.one_of(
    _predictions(),
    changed(gzip.compress(json.dumps(_whole("seg")).encode())),
    changed(json.dumps(_whole("det")).encode()).map(gzip.compress),
)


def read_predictions(file: Path) -> None:
    from tricklift.records import predictions
    from tricklift.report import answers, disagreement

    held = predictions.read(file.parent)
    for image in held.images if held else ():
        if held.task == "cls":
            disagreement.of_classes(image, image)
        elif held.task == "det":
            disagreement.of_boxes(image, image)
            disagreement.best_score([image] if image["truth"] is not None else [])
        else:
            answers.map_of(image, "labels")
            answers.map_of(image, "truth")


# The config that it kept. ------------------------------------------------------------------------

WHOLE_CONFIG = """model = dict(
    backbone=dict(name='resnet18_b', type='TrickBackbone'),
    data_preprocessor=dict(mean=[1.0, 2.0, 3.0], jitter=dict(hue=0.1)),
    mixup=dict(alpha=0.2))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(type='A', data_root='data/a', pipeline=[dict(type='B', size=(4, 5))]))
train_cfg = dict(max_epochs=3, type='EpochBasedTrainLoop')
default_hooks = dict(checkpoint=dict(type='CheckpointHook'))
custom_hooks = [dict(type='EMAHook')]
randomness = dict(seed=1)
benchmark = dict(task='det', tier='mini')
imports = ['a.py']
"""
KEYS = ("model", "train_dataloader", "default_hooks", "custom_hooks", "randomness", "benchmark")


@st.composite
def _configs(draw: Any) -> bytes:
    lines = [WHOLE_CONFIG]
    for key in draw(st.lists(st.sampled_from((*KEYS, "imports", "train_cfg")), max_size=3)):
        odd = draw(values | st.dictionaries(words, scalars, max_size=3))
        lines.append(f"{key} = {odd!r}")
    if draw(st.booleans()):
        key = draw(st.sampled_from(("dataset", "datasets", "pipeline")))
        lines.append(f"train_dataloader = dict(dataset=dict({key}={draw(values)!r}))")
    return "\n".join(lines).encode("utf-8", "surrogatepass")


config_files = st.one_of(_configs(), changed(WHOLE_CONFIG.encode()))


def read_config(file: Path) -> None:
    from tricklift.records.recipe import kept_recipe
    from tricklift.report.run_files import difference
    from tricklift.report.sections.augmentation import way
    from tricklift.sharing.config import shareable

    text = file.read_text(encoding="utf-8", errors="replace")
    difference(WHOLE_CONFIG, text)
    way(text)
    kept_recipe(file.parent, file.name)
    shareable(file)
