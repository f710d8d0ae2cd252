"""What each config of the full tier costs, read from `costs.json`: GPU-hours, and bytes it leaves.

The file is written by `python -m tricklift.paper.costs`, which reads every config and builds every
model: too slow for a plan that should stand at once.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tricklift.paper.gpu_hours import gpu_hours
from tricklift.paper.table_cells import CELLS, TEACHERS, read
from tricklift.records.atomic import write_text

FILE = Path(__file__).with_name("costs.json")


@dataclass(frozen=True)
class Cost:
    """Of one run.

    Attributes:
        backbone: The network that was counted.
        gpu_hours: Hours of one V100, see `tricklift.paper.gpu_hours`.
        run_bytes: What it leaves in its work dir: the last checkpoint with the momentum of its
            optimizer, and the best one.
        export_bytes: What the export of its backbone takes.
    """

    backbone: str
    gpu_hours: float
    run_bytes: int
    export_bytes: int


@cache
def known() -> dict[str, Cost]:
    """Short name of a config -> its cost."""
    held = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Cost(**entry) for name, entry in held.items()}


def counted(name: str) -> Cost:
    """The cost of a config, reckoned anew from the config and its model."""
    cfg = read(name)
    model = _built(cfg)
    held, backbone = (_bytes(part.state_dict().values()) for part in (model, model.backbone))
    momentum = _bytes(weight for weight in model.parameters() if weight.requires_grad)
    best = held if "save_best" in cfg.default_hooks.checkpoint else 0
    return Cost(
        cfg.model.backbone.name, round(gpu_hours(name), 2), held + momentum + best, backbone
    )


def _built(cfg: Any) -> Any:
    """The model of a config, without memory for its weights."""
    import torch
    from mmengine.registry import MODELS, init_default_scope
    from mmengine.utils import import_modules_from_strings

    import_modules_from_strings(**cfg.custom_imports)
    init_default_scope(cfg.get("default_scope", "mmengine"))
    if "checkpoint" in cfg.model.backbone:
        cfg.model.backbone.checkpoint = None
    cfg.model.pop("distillation", None)  # the teacher is not kept
    with torch.device("meta"):
        return MODELS.build(cfg.model)


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def write() -> None:
    """Writes `costs.json`."""
    names = dict.fromkeys([*(name for c in CELLS for name in (c.config, *c.needs)), *TEACHERS])
    held = {name: asdict(counted(name)) for name in sorted(names)}
    write_text(FILE, json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    write()
