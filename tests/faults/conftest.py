"""Short trainings with all that can go wrong in them, and what is compared of two of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from killed_runs import Trainer

import backbones
from backbones.checkpoint import save

COMMON = {
    "default_hooks.logger.interval": 1,
    "train_dataloader.num_workers": 2,
    "val_dataloader.num_workers": 1,
    "model.backbone.width": 0.125,
}
#: Each with workers, EMA, mixed precision and clipping; configs have some of them already.
TASKS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "cls": (
        "cls/mini/resnet18_d-tricks",
        ["distillation", "ema", "gradient_clipping"],
        {
            "train_dataloader.batch_size": 16,
            "train_cfg.max_epochs": 3,
            "train_cfg.val_interval": 1,
            "model.distillation.teacher.name": "resnet18_d",
        },
    ),
    "det": (
        "det/mini/faster_rcnn_fpn",
        ["ema"],
        {
            "train_dataloader.batch_size": 6,
            "+train_dataloader.dataset.indices": 18,
            "+val_dataloader.dataset.indices": 4,
            "train_cfg.max_epochs": 3,
            "train_cfg.val_interval": 1,
            "param_scheduler.0.end": 4,
        },
    ),
    "seg": (
        "seg/mini/fcn",
        ["ema", "gradient_clipping"],
        {
            "train_dataloader.batch_size": 4,
            "+val_dataloader.dataset.indices": 4,
            "train_cfg.max_iters": 9,
            "train_cfg.val_interval": 3,
            "default_hooks.checkpoint.interval": 3,
        },
    ),
}
#: Of each logged number: clocks differ.
CLOCKS = ("time", "data_time", "memory")


@pytest.fixture(scope="session")
def teacher(tmp_path_factory) -> str:
    """An exported teacher for MiniWorld's twelve classes."""
    torch.manual_seed(0)
    network = backbones.build("resnet18_d", num_classes=12, width=0.125)
    file = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    metadata = {"architecture": "resnet18_d", "options": json.dumps({"width": 0.125})}
    save(file, network.state_dict(), metadata)
    return str(file)


@pytest.fixture(scope="session")
def settings(teacher):
    """Arguments for `Trainer.train` of a task; more options are laid over."""

    def of(task: str, **more: Any) -> dict[str, Any]:
        config, tricks, options = TASKS[task]
        options = {**COMMON, **options, **more}
        if task == "cls":
            options["model.distillation.teacher.checkpoint"] = teacher
        return {"config": config, "settings": {"tricks": tricks, "options": options}}

    return of


@pytest.fixture(scope="session")
def trainer(tiny_root, tmp_path_factory):
    """Trains in processes of its own."""
    client = Trainer(tiny_root, tmp_path_factory.mktemp("log") / "log.txt")
    yield client
    client.close()


def left(work_dir: Path) -> dict[str, Any]:
    """All that a run left that is not about time or place, flat: key -> tensor or plain value."""
    note = Path((work_dir / "last_checkpoint").read_text())
    held = torch.load(note, weights_only=False)
    hub = held["message_hub"]
    logged = {key: list(buffer.data[0]) for key, buffer in hub["log_scalars"].items()}
    result = json.loads((work_dir / "result.json").read_text())
    found = {
        "file": note.name,
        "files": sorted(
            path.name for path in work_dir.iterdir() if path.suffix != ".json" and not path.is_dir()
        ),
        "meta": {key: held["meta"][key] for key in ("epoch", "iter", "seed", "recipe")},
        "history": {key: v for key, v in logged.items() if not key.endswith(CLOCKS)},
        "result": {key: result[key] for key in ("metrics", "best", "status", "epochs", "iters")},
        **{key: held[key] for key in ("state_dict", "ema_state_dict", "optimizer")},
        "schedulers": held["param_schedulers"],
        "losses": losses(work_dir),
    }
    return dict(flat(found))


def losses(work_dir: Path) -> dict[str, dict[str, float]]:
    """What was logged at each step; a step that two processes logged has to be the same in both."""
    steps: dict[str, dict[str, float]] = {}
    for log in sorted(work_dir.glob("*/vis_data/scalars.json")):
        for line in log.read_text().splitlines():
            if not line.endswith("}"):
                continue  # the process was killed as it wrote
            entry = json.loads(line)
            numbers = {key: v for key, v in entry.items() if not key.endswith(CLOCKS)}
            kind = "train" if "loss" in entry else "val"
            key = f"{kind} {entry['step']}"
            assert steps.setdefault(key, numbers) == numbers, (work_dir, key)
    return steps


def flat(value: Any, key: str = ""):
    if isinstance(value, dict):
        for name, part in value.items():
            yield from flat(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(v, dict | torch.Tensor) for v in value):
        yield from flat(dict(enumerate(value)), key)
    else:
        yield key, value


@pytest.fixture(scope="session")
def same():
    """Asserts that two runs left the same, bit for bit."""

    def check(one: Path, other: Path, files: bool = True) -> None:
        a, b = left(one), left(other)
        if not files:  # one has a checkpoint more
            del a["files"], b["files"]
        assert a.keys() == b.keys()
        differing = [
            key
            for key, value in a.items()
            if not (
                torch.equal(value, b[key]) if isinstance(value, torch.Tensor) else value == b[key]
            )
        ]
        assert not differing, {key: (a[key], b[key]) for key in differing[:3]} | {
            "n": len(differing)
        }

    return check
