"""Every validation and test leaves what the model answered on single images, for the report.

Why: pictures of boxes and masks say what a mean hides, and a folder of results holds no model that
could be asked again. mmengine's and OpenMMLab's own dumps hold whole tensors: gigabytes.

A model whose answers are of another kind than a classifier's, detector's or segmenter's of ours or
of OpenMMLab leaves nothing. Metrics and random numbers are not touched.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.dist import gather_object, get_rank, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from torch.utils.data import SequentialSampler

from tricklift.records.data_identity import leaves_of
from tricklift.records.predictions import (
    LEAST_SCORE,
    LONGEST_SIDE,
    MOST_BOXES,
    MOST_IMAGES,
    Kept,
    Predictions,
    placed,
    png_text,
    write,
)

__all__ = ["LeavesPredictions"]


class LeavesPredictions(Hook):
    """Collects answers while a validation or test runs, and writes them at its end.

    Each validation replaces the file of the one before, so that it belongs to the last one, as the
    result's metrics do. Of several processes each keeps its images, and rank 0 writes all.
    """

    def __init__(self) -> None:
        self.task: str | None = None
        self.kept = Kept(0)
        self.top = ""  # of the data set: what is below it names an image in all runs
        self.order: list[int] | None = None
        self.seen = 0

    def before_val_epoch(self, runner: Any) -> None:
        """Begins anew."""
        self._begin(runner.val_dataloader)

    def before_test_epoch(self, runner: Any) -> None:
        """Begins anew."""
        self._begin(runner.test_dataloader)

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Takes the answers of a batch."""
        self._take(outputs)

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Takes the answers of a batch."""
        self._take(outputs)

    def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Writes."""
        self._write(runner, runner.val_dataloader, "val")

    def after_test_epoch(self, runner: Any, metrics: Any = None) -> None:
        """Writes."""
        self._write(runner, runner.test_dataloader, "test")

    def _begin(self, loader: Any) -> None:
        self.task, self.kept, self.seen = None, Kept(0), 0
        self.top = str(getattr(next(leaves_of(loader.dataset)), "data_root", None) or "")
        self.order = order_of(loader)

    def _take(self, outputs: Any) -> None:
        if not isinstance(outputs, Sequence) or not len(outputs):
            return
        if self.task is None:
            self.task = kind_of(outputs[0])
            self.kept = Kept(MOST_IMAGES.get(self.task or "", 0))
        for sample in outputs if self.task else ():
            if self.task == "cls":
                self._take_class(sample)
                continue
            path = sample.metainfo["img_path"]
            if self.kept.wants(name := path.removeprefix(self.top)):
                answer = boxes_of(sample) if self.task == "det" else masks_of(sample)
                self.kept.add(name, {"path": path, **answer})

    def _take_class(self, sample: Any) -> None:
        """Its place in the data set names an image."""
        name = f"{get_rank()} {self.seen}"
        if self.order is not None and self.seen < len(self.order):
            name = str(self.order[self.seen])
        self.seen += 1
        self.kept.add(name, {"label": int(sample["label"]), "top1": int(sample["ranked"][0])})

    def _write(self, runner: Any, loader: Any, split: str) -> None:
        mine = {name: _encoded(value) for name, value in self.kept.values.items()}
        parts: list[Any] = gather_object((self.task, mine)) or []
        task = next((task for task, _ in parts if task), None)
        if not is_main_process() or task is None:
            return
        merged = Kept(MOST_IMAGES[task])
        for _, values in parts:
            for name, value in values.items():
                merged.add(name, value)
        dataset = loader.dataset
        if task == "cls" and self.order is not None:
            for name, value in merged.values.items():
                value["path"] = path_of(dataset, int(name))
        said = described(runner, dataset, task, list(merged.values.values()))
        try:
            write(runner.work_dir, replace(said, split=split))
        except OSError as error:
            print_log(f"the predictions are not kept: {error}", "current", logging.WARNING)


def described(runner: Any, dataset: Any, task: str, answers: list[dict[str, Any]]) -> Predictions:
    """What is written: the answers, each with the `path` of its image, and what they are of."""
    root, folder, names = placed([answer.pop("path", None) for answer in answers])
    images = [{"name": name, **answer} for name, answer in zip(names, answers, strict=True)]
    meta = getattr(dataset, "metainfo", None) or {}
    trained = runner._train_loop  # in a test a config yet, which `runner.iter` would build
    return Predictions(
        task=task,
        split="val",
        step=trained.iter if isinstance(trained, BaseLoop) else 0,
        images_of_set=len(dataset),
        images=sorted(images, key=lambda image: image["name"] or ""),
        classes=[str(word) for word in meta.get("classes") or ()],
        palette=[[int(part) for part in colour] for colour in meta.get("palette") or ()],
        folder=folder,
        root=root,
    )


def kind_of(sample: Any) -> str | None:
    """The task that an answer is of; None where it is of no known kind."""
    if isinstance(sample, dict):
        return "cls" if {"label", "ranked"} <= sample.keys() else None
    if not {"img_path", "ori_shape"} <= set(getattr(sample, "metainfo", ())):
        return None
    if "pred_instances" in sample:
        found = sample.pred_instances
        known = {"bboxes", "labels", "scores"} <= set(found.keys())
        return "det" if known and found.bboxes.shape[-1] == 4 else None
    return "seg" if "pred_sem_seg" in sample and sample.pred_sem_seg.data.ndim == 3 else None


def boxes_of(sample: Any) -> dict[str, Any]:
    """A detector's answer on one image, see `Predictions`."""
    found = sample.pred_instances
    scores = found.scores.detach().float().cpu().numpy()
    order = np.argsort(-scores, kind="stable")[:MOST_BOXES]
    order = order[scores[order] >= LEAST_SCORE]
    scored = zip(
        _boxes(found)[order].tolist(),
        found.labels.cpu().numpy()[order].tolist(),
        scores[order].astype(np.float64).round(2).tolist(),
        strict=True,
    )
    return {
        "size": _size(sample),
        "boxes": [[*box, label, score] for box, label, score in scored],
        "truth": list(_truth(sample)) if "gt_instances" in sample else None,
    }


def _truth(sample: Any) -> Iterator[list[Any]]:
    for ignored, key in enumerate(("gt_instances", "ignored_instances")):
        there: Any = getattr(sample, key, {})
        if {"bboxes", "labels"} <= set(there.keys()):
            for box, label in zip(_boxes(there).tolist(), there.labels.tolist(), strict=True):
                yield [*box, label, ignored]


def _size(sample: Any) -> list[int]:
    """Width and height of the image's file."""
    return [int(side) for side in reversed(sample.metainfo["ori_shape"][:2])]


def _boxes(instances: Any) -> Any:
    """The boxes `(N, 4)` of any kind of mmdet's, in tenths of a pixel."""
    boxes = getattr(instances.bboxes, "tensor", instances.bboxes)
    return boxes.detach().cpu().numpy().astype(np.float64).round(1)


def masks_of(sample: Any) -> dict[str, Any]:
    """A segmenter's answer on one image, see `Predictions`; its maps are still arrays."""
    truth = sample.gt_sem_seg.data if "gt_sem_seg" in sample else None
    return {
        "size": _size(sample),
        "labels": _reduced(sample.pred_sem_seg.data),
        "truth": None if truth is None else _reduced(truth),
    }


def _reduced(labels: Any) -> Any:
    """A label map `(1, H, W)` as an array whose longest side is at most `LONGEST_SIDE`."""
    labels = labels.squeeze(0)
    step = -(-max(labels.shape) // LONGEST_SIDE)  # on the device, before it is copied
    array = labels[step // 2 :: step, step // 2 :: step].cpu().numpy()
    return array.astype(np.uint16 if array.max(initial=0) > np.iinfo(np.uint8).max else np.uint8)


def _encoded(value: dict[str, Any]) -> dict[str, Any]:
    """Arrays become PNG files."""
    return {
        key: _png(item) if isinstance(item, np.ndarray) else item for key, item in value.items()
    }


def _png(array: Any) -> str:
    # the best that costs 1 ms: level 9 makes 5 % less of it and takes 50 times as long
    how = [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    whole, data = cv2.imencode(".png", array, how)
    assert whole
    return png_text(data.tobytes())


def order_of(loader: Any) -> list[int] | None:
    """Places in the data set in the order in which this process gets them; None if not known."""
    sampler = getattr(loader, "sampler", None)
    if isinstance(sampler, SequentialSampler):
        return list(sampler) if get_world_size() == 1 else None
    if isinstance(sampler, DefaultSampler) and not sampler.shuffle:
        return list(sampler)
    return None


def path_of(dataset: Any, place: int) -> str | None:
    """The file of an image of a data set, if it says that."""
    if not hasattr(dataset, "get_data_info"):
        return None
    path = dataset.get_data_info(place).get("img_path")
    return path if isinstance(path, str) else None
