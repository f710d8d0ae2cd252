"""A backbone that was trained for two steps, exported, and published."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from backbones.export import export
from tricklift import train as training
from tricklift.sharing.folder import Published, publish
from tricklift.sharing.trained import Trained, look

QUICK = {
    f"{loader}_dataloader.{key}": value
    for loader in ("train", "val", "test")
    for key, value in {"num_workers": 0, "persistent_workers": False}.items()
}


@dataclass(frozen=True)
class Shared:
    """As `tricklift run` lays them out: cls/NAME/seed0, exports/NAME-seed0.safetensors, seg/..."""

    runs: Path
    export: Path
    trained: Trained
    published: Published


@pytest.fixture
def train_and_export(tiny_root):
    """`trained_in`, on the small MiniWorld."""
    return lambda runs, **options: trained_in(runs, tiny_root, **options)


def trained_in(runs: Path, root: Path, **options) -> Path:
    """A run of two steps on MiniWorld in images of 64 px, and its export."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRICKLIFT_ROOT", str(root))
        steps = {"train_dataloader.batch_size": 32, "train_cfg.max_epochs": 1}
        cfg = training.build_config(
            "cls/mini/resnet18_d-tricks",
            work_dir=runs / "cls" / "net" / "seed0",
            options={**QUICK, **steps, "train_cfg.val_interval": 1, **options},
        )
        training.train(cfg)
    file = runs / "exports" / "net-seed0.safetensors"
    export(runs / "cls" / "net" / "seed0" / "epoch_1.pth", file)
    return file


def leave_downstream(runs: Path, export_file: Path) -> None:
    """A segmenter's result that started from the export, and one that did not."""
    from tricklift.records.weights import weights_sha256

    result = json.loads((runs / "cls/net/seed0/result.json").read_text())
    result |= {"task": "seg", "config": "/home/someone/configs/seg/mini/fcn.py"}
    result |= {"protocol": "17 classes", "metrics": {"miou": 20.5, "pix_acc": 50.0, "macc": None}}
    for place, sha in (("net-seed0", weights_sha256(export_file)), ("other", "0" * 64)):
        held = {"file": "/home/someone/net.safetensors", "weights_sha256": sha}
        folder = runs / "seg" / place / "seed0"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({**result, "pretrained": held}))


@pytest.fixture(scope="session")
def shared(tiny_root, tmp_path_factory) -> Shared:
    """Of a network that timm has."""
    runs = tmp_path_factory.mktemp("shared") / "runs"
    file = trained_in(runs, tiny_root, **{"+model.backbone.width": 1.0})
    leave_downstream(runs, file)
    trained = look(file)
    published = publish(trained, runs.parent / "my-net", "mit", "me/my-net", "http://127.0.0.1:9")
    return Shared(runs, file, trained, published)
