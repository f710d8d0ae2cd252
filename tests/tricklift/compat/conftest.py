"""Tiny VOC and ADE20K trees, stock configs plus one line, and a way to run OpenMMLab's tools."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

SIDE = 96
VOC_TEMPLATE = """<annotation><size><width>{side}</width><height>{side}</height><depth>3</depth>
</size><object><name>{name}</name><difficult>0</difficult><truncated>0</truncated><bndbox>
<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object></annotation>
"""

LEAF = """_base_ = [{base!r}]
custom_imports = dict(imports=['tricklift.compat.setup'])
"""

#: A hook, in the folder of the runs: each process keeps the buffers that it validates with.
KEEP_BUFFERS = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class KeepBuffers(Hook):
    priority = 'LOWEST'
    def before_val_epoch(self, runner):
        torch.save(dict(runner.model.module.named_buffers()), f'{runner.work_dir}/{get_rank()}.pt')
"""

KEEPS = """_base_ = [{base!r}]
custom_imports = dict(imports=['tricklift.compat.setup', 'keep_buffers'])
custom_hooks = [dict(type='KeepBuffers')]
"""

Run = Callable[..., str]


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    """Return an image `(96, 96, 3)` with one bright box, its mask `(96, 96)`, and the box."""
    x1, y1 = rng.integers(4, 40, size=2)
    x2, y2 = x1 + rng.integers(36, 50), y1 + rng.integers(36, 50)
    image = rng.integers(0, 60, size=(SIDE, SIDE, 3), dtype=np.uint8)
    image[y1:y2, x1:x2] += 150
    mask = np.ones((SIDE, SIDE), np.uint8)
    mask[y1:y2, x1:x2] = 2
    return image, mask, (int(x1), int(y1), int(x2), int(y2))


def write_voc(root: Path, rng: np.random.Generator) -> None:
    """Write VOC2007 (4 trainval, 2 test images) and VOC2012 (4 trainval) below `root`."""
    for year, splits in {"2007": {"trainval": 4, "test": 2}, "2012": {"trainval": 4}}.items():
        base = root / f"VOC{year}"
        for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
            (base / folder).mkdir(parents=True)
        for split, count in splits.items():
            ids = [f"{split}{index}" for index in range(count)]
            for index, name in enumerate(ids):
                image, _, (x1, y1, x2, y2) = scene(rng)
                cv2.imwrite(str(base / "JPEGImages" / f"{name}.jpg"), image)
                label = ("cat", "dog")[index % 2]
                text = VOC_TEMPLATE.format(side=SIDE, name=label, x1=x1, y1=y1, x2=x2, y2=y2)
                (base / "Annotations" / f"{name}.xml").write_text(text)
            (base / "ImageSets/Main" / f"{split}.txt").write_text("\n".join(ids) + "\n")


def write_ade(root: Path, rng: np.random.Generator) -> None:
    """Write 4 training and 2 validation images with masks (labels 1 and 2) below `root`."""
    for split, count in {"training": 4, "validation": 2}.items():
        for folder in ("images", "annotations"):
            (root / folder / split).mkdir(parents=True)
        for index in range(count):
            image, mask, _ = scene(rng)
            cv2.imwrite(str(root / "images" / split / f"{index}.jpg"), image)
            cv2.imwrite(str(root / "annotations" / split / f"{index}.png"), mask)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/` as the stock configs expect it."""
    root = tmp_path_factory.mktemp("openmmlab")
    rng = np.random.default_rng(0)
    write_voc(root / "data/VOCdevkit", rng)
    write_ade(root / "data/ade/ADEChallengeData2016", rng)
    (root / "keep_buffers.py").write_text(KEEP_BUFFERS)
    return root


@pytest.fixture(scope="session")
def leaf(place: Path) -> Callable[..., str]:
    """Write a config: a stock one of mmdet or mmseg, plus the one line. Return its file name."""

    def write(package: str, stock: str, text: str = LEAF) -> str:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        base = Path(spec.origin).parent / ".mim/configs" / stock
        name = base.stem.replace("-", "_") + ".py"
        (place / name).write_text(text.format(base=str(base)))
        return name

    return write


@pytest.fixture(scope="session")
def keeps() -> str:
    """For `leaf`: a config whose processes keep the buffers that they validate with."""
    return KEEPS


@pytest.fixture(scope="session")
def run(place: Path) -> Run:
    """Run a command in `place`; return its output; fail with the output if it fails."""

    def call(*command: str, fails: bool = False) -> str:
        path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
        env = dict(os.environ, OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="-1", PYTHONPATH=path)
        done = subprocess.run(
            [str(part) for part in command],
            cwd=place,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        assert (done.returncode != 0) == fails, done.stdout[-6000:]
        return done.stdout

    return call


@pytest.fixture(scope="session")
def mim() -> list[str]:
    """The command `mim` of this Python."""
    return [sys.executable, "-c", "import sys; from mim.cli import cli; sys.exit(cli())"]


@pytest.fixture(scope="session")
def scalars(place: Path) -> Callable[[str], list[dict[str, float]]]:
    """Read what the runs in a work dir logged, oldest first."""

    def read(work_dir: str) -> list[dict[str, float]]:
        logs = sorted((place / work_dir).glob("*/vis_data/scalars.json"))
        lines = [line for log in logs for line in log.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture(scope="session")
def same_statistics(place: Path) -> Callable[[str], None]:
    """Check that both processes of a run validated with the statistics that were saved."""

    def check(checkpoint: str) -> None:
        file = place / checkpoint
        one, other = (torch.load(file.parent / f"{rank}.pt") for rank in (0, 1))
        saved = torch.load(file, weights_only=False)["state_dict"]
        moved = [key for key in one if "running_mean" in key and one[key].any()]
        assert moved, "nothing was normalised by its own statistics"
        for key, value in one.items():
            assert torch.equal(value, other[key]), key
            assert torch.equal(value, saved.get(key, value)), key

    return check
