"""What a training makes of its images, from a run's resolved config: a process of its own.

    python -m tricklift.report.augmented [--import FILE.py|MODULE] ... WORK_DIR ...

It prints one JSON object a work dir. It is a process because it imports OpenMMLab and sets seeds,
which whoever writes a report must not. The folder may be somebody else's: its config is read as
data, and is built of what provided configs are made of alone (`tricklift.compat.plain_configs`);
with `--import`, of whatever is registered by name.
"""

import argparse
import copy
import json
import os
import random
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence, Set
from importlib import import_module
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records import training_items
from tricklift.records.plain_files import read_json
from tricklift.records.schema import RESULT_FILE
from tricklift.report import thumbnails
from tricklift.report.run_files import parsed

#: Images, and how often each of them is augmented.
IMAGES, DRAWS = 4, 2
SIDE = 144
#: Before each line of the answer: libraries print, too.
MARK = "augmented "
#: A title, and a cell an image.
Column = tuple[str, list[dict[str, str]]]


def shown(work_dir: Path, own_code: Sequence[str] = ()) -> dict[str, Any]:
    """The images of one run before and after.

    Args:
        work_dir: Of the run.
        own_code: Files and modules to import, which were named by whoever reads.

    Returns:
        columns: Titles, the untouched image first.
        rows_of_images: One an image, `{"name", "cells"}`; a cell is `{"address", "told"}`.
        notes: What is not shown.

    Raises:
        UserError: The run left nothing to show it from, or its config names other parts.
    """
    held = training_items.read(work_dir)
    items = [_moved(item, held["root"]) for item in held.get("items", ())]
    items = [item for item in items if os.path.isfile(item["img_path"])][:IMAGES]
    if not items:
        raise UserError("its images are not here; set TRICKLIFT_ROOT to the folder of the data")
    from mmengine.dataset import Compose
    from mmengine.registry import init_default_scope

    import tricklift.compat.setup  # noqa: F401  (makes OpenMMLab run here)

    record = read_json(work_dir / RESULT_FILE)
    task = str(record.get("task"))
    if task not in TASKS:
        raise UserError(f"a task {task!r} is none of {', '.join(TASKS)}")
    import_module(task)  # registers its parts
    pipeline, model, notes = _recipe(work_dir, record, own_code)
    init_default_scope(SCOPES[task])
    pipeline = Compose(pipeline)
    draw: _Drawn = TASKS[task](model, held["classes"])
    columns = [draw.before(items)]
    for seed in range(DRAWS):
        _seed(seed)
        columns += draw.after([pipeline(copy.deepcopy(item)) for item in items])
    titles = [title for title, _ in columns]
    rows = [
        {"name": Path(item["img_path"]).name, "cells": [cells[place] for _, cells in columns]}
        for place, item in enumerate(items)
    ]
    return {"columns": titles, "rows_of_images": rows, "notes": notes}


def _recipe(
    work_dir: Path, record: Mapping[str, Any], own_code: Sequence[str]
) -> tuple[list[Any], dict[str, Any], list[str]]:
    """The pipeline, what the model does to its images, and what is not shown, of a run's config.

    Raises:
        UserError: It names parts that are not known, or files and places that data may not.
    """
    from tricklift.compat.plain_configs import faults, with_tuples

    file = work_dir / Path(str(record.get("config"))).with_suffix(".py").name
    if not file.is_file():
        raise UserError("it left no resolved config")
    whole = parsed(file.read_text(encoding="utf-8"))
    leaf, notes = _leaf(whole["train_dataloader"]["dataset"])
    kept = ("data_preprocessor", "mixup", "label_smoothing")
    model = {key: whole["model"][key] for key in kept if whole["model"].get(key)}
    types = _known(own_code)
    for part, name in ((leaf["pipeline"], "pipeline"), (model, "model")):
        for place, said in faults(part, name, types):
            raise UserError(f"{place}: {said}; give --import with the code, if it is yours")
    return with_tuples(leaf["pipeline"]), with_tuples(model), notes


def _known(own_code: Sequence[str]) -> Set[str]:
    """What may be built: with code of one's own, all that is registered by a plain name."""
    from mmengine.registry import MODELS, TRANSFORMS

    from tricklift.compat import imports
    from tricklift.compat.plain_configs import TYPES

    if not own_code:
        return TYPES
    imports.load(own_code)
    registries = [TRANSFORMS, MODELS, *TRANSFORMS.children.values(), *MODELS.children.values()]
    return TYPES.union(*(registry.module_dict for registry in registries))


def _moved(item: Mapping[str, Any], root: str) -> dict[str, Any]:
    """An item whose files lie below today's data root, where they lay below the run's."""
    today = os.path.abspath(os.environ.get("TRICKLIFT_ROOT") or root)
    return {
        key: today + value.removeprefix(root)
        if isinstance(value, str) and value.startswith(root + os.sep) and not os.path.exists(value)
        else value
        for key, value in item.items()
    }


def _leaf(dataset: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The config of the set that reads files, below those around it, and what these would add."""
    notes = []
    while (inner := dataset.get("dataset") or dataset.get("datasets")) is not None:
        if dataset.get("pipeline"):
            notes.append(f"what {dataset['type']} makes of several images is not shown")
        dataset = inner[0] if isinstance(inner, Sequence) else inner
    return dataset, notes


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _read(path: str) -> Any:
    import cv2

    image = cv2.imread(path)
    if image is None:
        raise UserError(f"{path} is no image that can be read")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _pixels(images: Any, preprocessor: Any) -> Any:
    """A normalised batch as uint8 `(N, H, W, 3)`, RGB where the network gets RGB."""
    import torch

    mean = getattr(preprocessor, "mean", torch.zeros(3)).reshape(-1, 1, 1)
    std = getattr(preprocessor, "std", torch.ones(3)).reshape(-1, 1, 1)
    plain = images.float() * std + mean
    return plain.clamp(0, 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


class _Drawn(ABC):
    """What one task's training makes of a batch: columns, each a title and a cell an image."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        self.model, self.classes = model, classes
        self.count = 0

    @abstractmethod
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files as they are."""

    @abstractmethod
    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it, given what the pipeline made."""


class _Classes(_Drawn):
    """Classification: the device's part (flip, colours) and mixup are drawn as in a step."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        from mmengine.registry import MODELS

        super().__init__(model, classes)
        given = {"type": "ClsPreprocessor", **(model.get("data_preprocessor") or {})}
        self.preprocessor = MODELS.build(given)

    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files as they are."""
        words = [self.classes[item["gt_label"]] for item in items]
        return "image", [
            _cell(_read(item["img_path"]), word) for item, word in zip(items, words, strict=True)
        ]

    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it; with mixup, before that as well."""
        import torch

        self.count += 1
        labels = torch.tensor([int(item["labels"]) for item in packed])
        batch = {"inputs": torch.stack([item["inputs"] for item in packed]), "labels": labels}
        images = self.preprocessor(batch, training=True)["inputs"]
        words = [self.classes[label] for label in labels]
        yield f"augmented, {self.count}", _cells(_pixels(images, self.preprocessor), words)
        if self.model.get("mixup"):
            yield self._mixed(images, labels)

    def _mixed(self, images: Any, labels: Any) -> Column:
        from cls.draws import Draws
        from cls.targets import draw_mixup, mixup, smooth_targets

        smoothing = self.model.get("label_smoothing") or {"eps": 0.0}
        targets = smooth_targets(labels, len(self.classes), **smoothing)
        drawn = draw_mixup(
            count=len(images), device=images.device, draws=Draws(), **self.model["mixup"]
        )
        images, targets = mixup(images, targets, *drawn)
        words = [
            ", ".join(
                f"{100 * share:.0f} % {self.classes[place]}"
                for share, place in zip(*map(list, target.topk(2)), strict=True)
                if share > 0.02
            )
            for target in targets
        ]
        weights = ", ".join(f"{weight:.2f}" for weight in drawn[0].tolist())
        return f"mixup, {self.count} (λ {weights})", _cells(
            _pixels(images, self.preprocessor), words
        )


class _Downstream(_Drawn):
    """Detection and segmentation: the pipeline, then what their preprocessor adds (padding)."""

    def __init__(self, model: Mapping[str, Any], classes: Sequence[str]) -> None:
        from mmengine.registry import MODELS

        super().__init__(model, classes)
        self.preprocessor = MODELS.build(dict(model["data_preprocessor"]))
        self.rgb = bool(model["data_preprocessor"].get("bgr_to_rgb"))

    def after(self, packed: Sequence[Any]) -> Iterator[Column]:
        """A batch as the network gets it, its boxes or masks drawn in."""
        self.count += 1
        batch = {key: [item[key] for item in packed] for key in ("inputs", "data_samples")}
        ready = self.preprocessor(batch, training=True)
        pixels = _pixels(ready["inputs"], self.preprocessor)
        pixels = pixels if self.rgb else pixels[..., ::-1]
        cells = [
            self.drawn(image.copy(), sample)
            for image, sample in zip(pixels, ready["data_samples"], strict=True)
        ]
        yield f"augmented, {self.count}", cells

    @abstractmethod
    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        """One image with what it is trained on."""


class _Boxes(_Downstream):
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files with their boxes."""
        cells = []
        for item in items:
            boxes = [thing["bbox"] for thing in item["instances"] if not thing.get("ignore_flag")]
            cells.append(_boxed(_read(item["img_path"]), boxes))
        return "image", cells

    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        boxes = sample.gt_instances.bboxes
        return _boxed(image, getattr(boxes, "tensor", boxes).tolist())


class _Masks(_Downstream):
    def before(self, items: Sequence[Mapping[str, Any]]) -> Column:
        """The files; their masks are read by the pipeline."""
        return "image", [_cell(_read(item["img_path"]), "") for item in items]

    def drawn(self, image: Any, sample: Any) -> dict[str, str]:
        import numpy as np

        labels = sample.gt_sem_seg.data[0].numpy()
        colours = np.zeros((256, 3), np.uint8)
        known = thumbnails.colours(len(self.classes))
        colours[: len(known)] = known[:256]
        inside = (labels != 255)[..., None]
        mixed = (image * 0.45 + colours[labels.clip(0, 255)] * 0.55).astype(np.uint8)
        count = len(np.unique(labels[labels != 255]))
        return _cell(np.where(inside, mixed, image), f"{count} classes")


TASKS: Mapping[str, type[_Drawn]] = {"cls": _Classes, "det": _Boxes, "seg": _Masks}
#: Where OpenMMLab looks a task's parts up.
SCOPES = {"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}


def _boxed(image: Any, boxes: Sequence[Sequence[float]]) -> dict[str, str]:
    import cv2
    import numpy as np

    image = np.ascontiguousarray(image)
    width = max(1, round(max(image.shape) / 100))
    for box in boxes:
        x1, y1, x2, y2 = (round(side) for side in box)
        cv2.rectangle(image, (x1, y1), (x2, y2), (0, 0, 0), 2 * width + 1)
        cv2.rectangle(image, (x1, y1), (x2, y2), (90, 200, 255), width)
    return _cell(image, f"{len(boxes)} box{'' if len(boxes) == 1 else 'es'}")


def _cell(pixels: Any, told: str) -> dict[str, str]:
    return {"address": thumbnails.of_pixels(pixels, SIDE), "told": told}


def _cells(images: Any, words: Sequence[str]) -> list[dict[str, str]]:
    return [_cell(image, word) for image, word in zip(images, words, strict=True)]


def main(arguments: Sequence[str]) -> None:
    """Prints what each run's training makes of its images, or why that is not known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--import", dest="own_code", action="append", default=[])
    parser.add_argument("work_dirs", nargs="*")
    given = parser.parse_args(arguments)
    for name in given.work_dirs:
        try:
            found = shown(Path(name), given.own_code)
        except Exception as error:  # any code of the user's may run in a pipeline
            lines = str(error).splitlines() or [""]
            found = {"error": f"{type(error).__name__}: {lines[0]}"}
        print(f"{MARK}{json.dumps({'work_dir': name, **found})}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
