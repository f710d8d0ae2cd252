"""Work dirs of finished runs, with all that a run leaves, on the images of a small MiniWorld."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tricklift.compat.predictions import _png
from tricklift.records import predictions, training_items
from tricklift.records.predictions import Predictions

FOLDERS = {
    "cls": "miniworld/imagenet/val",
    "det": "miniworld/VOCdevkit/VOC2007/JPEGImages",
    "seg": "miniworld/ade/images/validation",
}
NAMES = {"cls": "accuracy/top1", "det": "pascal_voc/mAP", "seg": "mIoU"}
METRICS = {"cls": "top1", "det": "voc_map", "seg": "miou"}
CONFIG = """model = dict(backbone=dict(name='resnet18_b', width={width}), note='{note}')
work_dir = '{folder}'
train_pipeline = [dict(type='A', size={width})]
train_dataloader = dict(dataset=dict(pipeline=[dict(type='A', size={width})]))
"""


def images(root: Path, task: str, count: int) -> list[str]:
    """The first images of a task, by name."""
    folder = root / FOLDERS[task]
    found = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.jpg"))
    return found[:count]


def answers(root: Path, task: str, row: int, count: int = 4) -> list[dict[str, Any]]:
    """What row 0, 1, ... answers: image i is right in rows below i, so that row 0 has one right.

    Of boxes: one object, found or not. Of masks: half of the image, or the other half.
    """
    found = []
    for place, name in enumerate(images(root, task, count)):
        right = place <= row
        size = cv2.imread(str(root / FOLDERS[task] / name)).shape[1::-1]
        said: dict[str, Any] = {"name": name, "size": list(size)}
        if task == "cls":
            said = {"name": name, "label": 0, "top1": 0 if right else 1}
        elif task == "det":
            said["truth"] = [[10, 10, 50, 50, 0, 0]]
            said["boxes"] = [[10, 10, 50, 50, 0 if right else 1, 0.9]]
        else:
            truth = np.zeros((64, 64), np.uint8)
            truth[:, 32:] = 1
            said |= {"truth": _png(truth), "labels": _png(truth if right else 1 - truth)}
        found.append(said)
    return found


def left(out: Path, root: Path, task: str, row: str, place: int, **changes: Any) -> Path:
    """One run of a row; returns its work dir."""
    folder = out / task / f"row{place}" / "seed0"
    folder.mkdir(parents=True)
    made = {"config_hash": f"{row} pretrained", "seed": "0", "file": "a.safetensors"}
    result: Mapping[str, Any] = {
        **{"schema": 2, "status": "done", "task": task, "tier": "mini", "dataset": "MiniWorld"},
        **{"protocol": "p", "row": row, "backbone": "resnet18_b", "seed": 0},
        "metrics": {METRICS[task]: 25.0 * (place + 1)},
        "config": f"{task}.py",
        "config_hash": f"{row} pretrained" if task == "cls" else task,
        "pretrained": None if task == "cls" else made,
        "data": {"digest": "d", "classes": {"count": 12}},
        **{"machine": {"cpu": "c", "cores": 1, "device": "cpu"}, "wall_seconds": 60.0},
        **{"epochs": 2, "iters": 8, "world_size": 1, "started": "2026-01-01", "version": "0.1.0"},
        **changes,
    }
    (folder / "result.json").write_text(json.dumps(result))
    text = CONFIG.format(width=place + 1, folder=folder, note="</script><b>")
    (folder / f"{task}.py").write_text(text)
    logs = folder / "20260101_000000"
    (logs / "vis_data").mkdir(parents=True)
    (logs / "20260101_000000.log").write_text("".join(f"line {i} <i>\n" for i in range(100)))
    steps = [{"loss": 2.0 / step, "lr": 0.1, "step": step} for step in range(1, 9)]
    steps += [{NAMES[task]: 0.25 * epoch, "step": epoch} for epoch in (1, 2)]
    text = "".join(json.dumps(step) + "\n" for step in steps)
    (logs / "vis_data/scalars.json").write_text(text)
    said = Predictions(
        **{"task": task, "split": "val", "step": 8, "images_of_set": 12},
        images=answers(root, task, place),
        classes=[f"class <{i}>" for i in range(12)],
        folder=FOLDERS[task],
        root=str(root),
    )
    predictions.write(folder, said)
    training_items.write(folder, [], str(root), said.classes)
    return folder


def study(out: Path, root: Path, rows: list[str]) -> Path:
    """A folder with a run of each task for each of the rows."""
    for place, row in enumerate(rows):
        for task in FOLDERS:
            left(out, root, task, row, place)
    return out
