"""Export a trained backbone: to our exchange file, to other libraries, to ONNX.

What is written is loaded again by whom it is for, and compared, before it takes the place of `out`.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones.checkpoint import check
from backbones.export_targets import TARGETS, Target
from backbones.files import Checkpoint, read
from backbones.registry import build, info
from tricklift.errors import UserError
from tricklift.records.atomic import replacing

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Report:
    """What an export did.

    Attributes:
        path: The file.
        architecture: Our name of the network.
        compared: What was compared: ``logits``, or ``stage features`` where there is no head.
        difference: Largest absolute difference on random images (float32).
        allowed: Largest that counts as equal: 1e-4, times the largest value compared if above 1.
        usage: One line of Python that loads the file.
        metadata: What stands in the file beside the weights.
    """

    path: Path
    architecture: str
    compared: str
    difference: float
    allowed: float
    usage: str
    metadata: dict[str, str]


def export(
    checkpoint: str | Path, out: str | Path, to: str = "tricklift", ema: bool = False
) -> Report:
    """Write the backbone in `checkpoint` to `out`, verified.

    Args:
        checkpoint: A ``.pth`` of the classification stage, or a tricklift export.
        out: The file to write: ``.onnx`` for ONNX, ``.pth`` for mmdet's ``init_cfg`` (which reads
            no safetensors), ``.safetensors`` else. Replaced if it exists.
        to: ``tricklift``, ``torchvision``, ``timm``, ``mmdet`` or ``onnx``.
        ema: Export the EMA weights.

    Raises:
        MissingFileError: No such checkpoint.
        UserError: An unknown format, one that cannot hold the architecture (with the reason), a
            wrong ending of `out`, no EMA weights, a checkpoint that does not fit its own name, or
            a network whose outputs are not finite.
        RuntimeError: What was written does not give the same outputs; nothing is left of it.
    """
    if to not in TARGETS:
        raise UserError(f"unknown format {to!r}; known: {', '.join(TARGETS)}")
    target, out = TARGETS[to], Path(out)
    if out.suffix not in target.endings:
        raise UserError(
            f"an export to {to} ends in {' or '.join(target.endings)}; got {out.name!r}"
        )
    source = read(checkpoint, ema)
    model = network(source)
    target.refuse(model.name, source.options)
    metadata = {
        **{k: v for k, v in source.metadata.items() if k != "format"},
        "options": json.dumps(source.options),
        "num_classes": str(model.fc.out_features),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with replacing(out) as temporary:
        target.write(temporary, model, metadata)
        difference, allowed = _verify(target, temporary, model)
    usage = target.usage(model, out)
    return Report(out, model.name, target.compared, difference, allowed, usage, metadata)


def network(source: Checkpoint) -> Any:
    """Build the classifier that a checkpoint holds, with its weights and head, for evaluation.

    Raises:
        UserError: The weights are not those of the architecture that the checkpoint names.
    """
    name = source.metadata["architecture"]
    check(source, name, **source.options)
    if "fc.weight" not in source.state or "fc.bias" not in source.state:
        raise UserError(
            f"{source.source} holds no head (fc.weight, fc.bias): not a classifier; "
            "give a checkpoint of a classification run"
        )
    model = build(name, num_classes=len(source.state["fc.weight"]), **source.options)
    model.load_state_dict(source.state)
    return model.eval()


def _verify(target: Target, path: Path, model: Any) -> tuple[float, float]:
    """Largest difference between `model` and what `path` loads as, and what is allowed."""
    reloaded = target.load(path, model)
    if isinstance(reloaded, nn.Module):
        reloaded.eval()
    run = model if target.compared == "logits" else model.forward_features
    generator = torch.Generator().manual_seed(0)
    side = info(str(model.name)).input_size
    refused = f"the export to {target.name} was not kept: its {target.compared}"
    difference, largest = 0.0, 1.0
    for shape in ((2, 3, side, side), (1, 3, side - 31, side - 63)):
        images = torch.randn(shape, generator=generator)
        with torch.no_grad():
            outputs = [
                found if isinstance(found, tuple) else (found,)
                for found in (run(images), reloaded(images))
            ]
        for ours, theirs in zip(*outputs, strict=True):
            if ours.shape != theirs.shape:
                raise RuntimeError(f"{refused} are {tuple(theirs.shape)}, not {tuple(ours.shape)}")
            if not ours.isfinite().all():
                raise UserError(
                    f"{refused} are not finite: the training of this network diverged; "
                    "train again with a lower rate"
                )
            distance = (ours - theirs).abs().max().item()
            difference = max(difference, distance if math.isfinite(distance) else math.inf)
            largest = max(largest, ours.abs().max().item())
    allowed = TOLERANCE * largest
    if difference > allowed:
        raise RuntimeError(f"{refused} differ by {difference:.3g}, more than {allowed:.3g}")
    return difference, allowed
