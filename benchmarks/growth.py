"""How cost grows: with workers, batch, image size, and the number of boxes."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.inputs import our_loading, sample_files
from benchmarks.measure import Finding, Progress, Work, kept_bytes, lap
from benchmarks.step import classifier

ROUNDS = 3
WORKERS = (1, 2)
SIDES = (64, 128, 224)
BATCHES = (8, 16, 32, 64)
BOXES = (1, 4, 16, 64)


def bench(root: Path, say: Progress) -> Iterator[Finding]:
    """Five curves, one finding a point, the best of `ROUNDS`.

    Raises:
        MissingFileError: The sample photographs are not there.
    """
    for workers in WORKERS:
        say(f"{workers} workers")
        rate = loading(root, workers)
        yield point("photographs to batches", "workers", workers, rate, "images/s")
    for side in SIDES:
        say(f"ResNet-18-D step at {side} px")
        rate, _ = stepping(16, side)
        yield point("ResNet-18-D step, batch 16", "image side (px)", side, rate, "images/s")
    for batch in BATCHES:
        say(f"ResNet-18-D step, batch {batch}")
        rate, held = stepping(batch, 64)
        yield point("ResNet-18-D step, 64 px", "batch", batch, rate, "images/s")
        what = "ResNet-18-D step, 64 px, kept for the backward pass"
        yield point(what, "batch", batch, held, "MB")
    for boxes in BOXES:
        say(f"detection step with {boxes} boxes")
        seconds = detecting(boxes)
        yield point("Faster R-CNN step, 2 images", "boxes in each image", boxes, seconds, "s")


def point(what: str, varied: str, at: float, value: float, unit: str) -> Finding:
    """One point of a curve."""
    return Finding("growth", f"{what} against {varied}", value, unit, at=at)


def best(work: Work) -> float:
    """Seconds of the fastest of a few calls, after one that does not count."""
    work()
    return min(lap(work).wall for _ in range(ROUNDS))


def loading(root: Path, workers: int) -> float:
    """Images a second out of a loader with so many workers."""
    from torch.utils.data import DataLoader, default_collate

    files = sample_files(root)
    load = our_loading()
    loader: Any = DataLoader(
        files,  # type: ignore[arg-type]
        batch_size=20,
        num_workers=workers,
        persistent_workers=True,
        collate_fn=lambda paths: default_collate([load(path) for path in paths]),
    )
    return len(files) / best(lambda: deque(loader, maxlen=0))


def stepping(batch: int, side: int) -> tuple[float, float]:
    """Images a second of a training step, and megabytes that it keeps for the backward pass."""
    model = classifier("resnet18_d", channels_last=True).train()
    images = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    data = {"inputs": images, "labels": torch.zeros(batch, dtype=torch.int64)}

    def forward() -> torch.Tensor:
        ready = model.data_preprocessor(dict(data), training=True)
        with torch.autocast("cpu", torch.bfloat16):
            return model(**ready, mode="loss")["loss"]

    held = kept_bytes(forward)
    return batch / best(lambda: forward().backward()), held / 2**20


def detecting(boxes: int) -> float:
    """Seconds of a detector's training step on images with so many boxes."""
    from mmengine.structures import InstanceData

    from benchmarks.downstream import DETECTOR, Trainee, built, detection_batch, stock_config

    batch = detection_batch()
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(boxes, 2, generator=generator) * torch.tensor([480.0, 280.0])
    extent = 40 + torch.rand(boxes, 2, generator=generator) * 80
    every = torch.cat([corner, corner + extent], dim=1)
    labels = torch.zeros(boxes, dtype=torch.int64)
    for sample in batch["data_samples"]:
        sample.gt_instances = InstanceData(bboxes=every, labels=labels)
    return best(Trainee(built(stock_config(DETECTOR), ours=True), batch, bfloat16=True).step)


def plot(findings: list[dict[str, Any]], folder: Path) -> list[Path]:
    """One picture a curve of what `bench` found, in a folder; returns the files."""
    from matplotlib.figure import Figure

    from tricklift.records.atomic import replacing

    curves: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        curves.setdefault(finding["case"], []).append(finding)
    files = []
    for number, (case, curve) in enumerate(curves.items(), start=1):
        what, _, varied = case.partition(" against ")
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.subplots()
        places, values = ([finding[axis] for finding in curve] for axis in ("at", "ours"))
        axes.plot(places, values, "o-", color="#D55E00")
        axes.set(xlabel=varied, ylabel=curve[0]["unit"], xticks=places, ylim=(0, 1.1 * max(values)))
        axes.set_title(what, fontsize=10)
        axes.grid(alpha=0.3)
        files.append(folder / f"growth-{number}.png")
        with replacing(files[-1]) as temporary:
            figure.savefig(temporary, dpi=110, format="png")
    return files
