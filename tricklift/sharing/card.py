"""The model card, README.md, in the form of the Hugging Face hub."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tricklift import __version__, configs
from tricklift.markdown import grid, paragraphs
from tricklift.sharing.trained import Trained

#: Task -> (the hub's name of it, our metric, its name, the hub's name of it), in percent.
METRICS = {
    "cls": ("image-classification", [("top1", "top-1", "accuracy"), ("top5", "top-5", "accuracy")]),
    "det": ("object-detection", [("voc_map", "mAP at IoU 0.5", "mean_average_precision")]),
    "seg": (
        "image-segmentation",
        [("miou", "mIoU", "mean_iou"), ("pix_acc", "pixel accuracy", "accuracy")],
    ),
}
TASKS = {"cls": "classification", "det": "detection", "seg": "segmentation"}
#: Data -> the hub's id of it; a card names no other, since the hub looks it up.
ON_THE_HUB = {"CIFAR-10": "uoft-cs/cifar10", "ImageNet-1k": "ILSVRC/imagenet-1k"}
#: Data whose images are no photographs.
GENERATED = ("MiniWorld",)


@dataclass(frozen=True)
class Measured:
    """A metric of the backbone, the mean over runs of one config.

    Attributes:
        task: cls, det or seg.
        config: Short name of the config.
        dataset: Name of the data.
        protocol: How it was measured.
        name: Of the metric.
        kind: The hub's name of the metric.
        value: Percent.
        runs: How many.
    """

    task: str
    config: str
    dataset: str
    protocol: str
    name: str
    kind: str
    value: float
    runs: int


def slug(text: str) -> str:
    """`Tiny ImageNet-100` -> `tiny-imagenet-100`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def measured(trained: Trained) -> list[Measured]:
    """All metrics of the pretraining and of what started from it."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for result in (trained.result, *trained.downstream):
        key = (result["task"], _named(result["config"]), result["dataset"], result["protocol"])
        groups[key].append(result)
    found = []
    for (task, config, dataset, protocol), results in groups.items():
        for ours, name, kind in METRICS[task][1]:
            values = [it["metrics"][ours] for it in results if it["metrics"].get(ours) is not None]
            if values:
                told = (task, config, dataset, _protocol(task, protocol, name), name, kind)
                found.append(Measured(*told, round(fmean(values), 2), len(values)))
    return found


def _protocol(task: str, protocol: str, name: str) -> str:
    """A protocol names its task's first metric; that of another one names that."""
    return protocol.replace(METRICS[task][1][0][1], name)


def _named(config: str) -> str:
    """A provided config's short name; of another one the name of its file, without its folders."""
    short = config.rpartition("configs/")[2].removesuffix(".py")
    return short if short in configs.short_names() else Path(config).stem


def card(trained: Trained, name: str, license_: str, usage: list[str], notes: list[str]) -> str:
    """The card.

    Args:
        trained: What it is of.
        name: Of the model.
        license_: An identifier of the hub.
        usage: Lines of Python that load it, or what stands in their place.
        notes: What else is to be said, a paragraph each.
    """
    from huggingface_hub import EvalResult, ModelCardData

    values = measured(trained)
    results = [
        EvalResult(
            task_type=METRICS[it.task][0],
            task_name=TASKS[it.task].capitalize(),
            dataset_type=slug(it.dataset),
            dataset_name=it.dataset,
            dataset_config=it.config,
            metric_type=it.kind,
            metric_name=it.name,
            metric_value=it.value,
        )
        for it in values
    ]
    data = ModelCardData(
        license=license_,
        library_name="timm" if any("timm." in line for line in usage) else "tricklift",
        pipeline_tag="image-classification",
        tags=["tricklift", "backbone", trained.architecture, *trained.result.get("tricks", ())],
        datasets=[known] if (known := ON_THE_HUB.get(trained.result["dataset"])) else None,
        metrics=sorted({it.kind for it in values}),
        model_name=name,
        eval_results=results,
    )
    header = f"---\n{data.to_yaml()}\n---"
    body = [f"# {name}", _about(trained), _tricklift(), _table(values), _loading(usage), *notes]
    body.append(_recipe(trained))
    return paragraphs([header, *body]) + "\n"


def about(trained: Trained) -> str:
    """What was trained on what, in a few words."""
    result = trained.result
    tricks = f" with {', '.join(result['tricks'])}" if result.get("tricks") else ""
    data = f"{result['dataset']} ({trained.num_classes} classes)"
    return f"trained on {data}{tricks} by tricklift {__version__}"


def _about(trained: Trained) -> str:
    told = [f"`{trained.architecture}`, {about(trained)}. Its row there: {trained.result['row']}."]
    used = {result["dataset"] for result in (trained.result, *trained.downstream)}
    if made := [name for name in GENERATED if name in used]:
        told.append(f"The images of {' and '.join(made)} are generated, no photographs.")
    return " ".join(told)


def _tricklift() -> str:
    return (
        "The benchmark tricklift, on PyTorch and OpenMMLab, measures how much of a classification "
        "trick survives transfer to detection and segmentation. To install it: `pip install -e .` "
        "in a checkout."
    )


def _table(values: list[Measured]) -> str:
    rows = [
        [
            TASKS[it.task],
            it.config,
            it.dataset,
            it.name,
            f"{it.value:.2f}",
            str(it.runs),
            it.protocol,
        ]
        for it in values
    ]
    header = ["task", "config", "data", "metric", "%", "runs", "protocol"]
    return f"## Results\n\n{grid(header, rows)}"


def _loading(usage: list[str]) -> str:
    return "## Use\n\n```python\n" + "\n".join(usage) + "\n```"


def _recipe(trained: Trained) -> str:
    result = trained.result
    mean, std = (json.loads(trained.facts.get(key, "null")) for key in ("mean", "std"))
    lines = [
        f"- Row: {result['row']}; seed {result['seed']}; {result.get('epochs')} epochs",
        f"- Data: {result['dataset']}, digest `{(result.get('data') or {}).get('digest')}`",
        f"- Start: {_start(result.get('pretrained'))}",
        f"- Images: RGB, mean {mean}, std {std} (0..255)",
        f"- Config: train_config.py, hash `{result['config_hash']}`",
        f"- Source: commit `{result.get('commit')}`, tricklift {result.get('version')}",
        f"- Machine: {result['machine'].get('cpu')}, {result['machine'].get('device')}, torch "
        f"{result['machine'].get('torch')}",
    ]
    return "## How it was trained\n\n" + "\n".join(lines)


def _start(held: dict[str, Any] | None) -> str:
    """What a training began with."""
    if not held:
        return "random weights"
    return f"the weights {held.get('name') or Path(held['file']).name}; their license counts, too"
