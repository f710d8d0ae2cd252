"""What docs/with-mim.md and docs/get-started.md show is run as it stands, on less data."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tricklift.data.miniworld import MiniWorldSizes, generate

#: Put behind the pages' training commands: a few steps instead of the whole schedule.
SHORTER = {
    "mim train tricklift": "--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=12",
    "mim train mmdet": "train_cfg.max_epochs=1 train_cfg.val_interval=1 "
    "param_scheduler.1.T_max=1 param_scheduler.1.end=1",
    "mim train mmseg": "train_cfg.max_iters=2 train_cfg.val_interval=2 param_scheduler.0.end=2",
    "tricklift train cls": "--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=12 "
    "train_cfg.val_interval=1",
    "tricklift train det": "--cfg-options train_cfg.max_epochs=1 train_cfg.val_interval=1",
}
SIZES = MiniWorldSizes(24, 24, 24, 12, 12, 12)
METRICS = {"cls": "top1", "det": "voc_map", "seg": "miou"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module", params=["with-mim", "get-started"])
def transcript(
    request: pytest.FixtureRequest, repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """Runs a page's block of steps in an empty folder; returns it and what was printed."""
    folder = tmp_path_factory.mktemp(request.param)
    generate(folder / "data" / "miniworld", sizes=SIZES, workers=1)
    page = repo / "docs" / f"{request.param}.md"
    block = next(text for text in blocks(page, "bash") if text.startswith("export"))
    lines = [line for line in block.splitlines() if "prepare" not in line]  # done above, smaller
    script = ["set -e", *(shortened(line) for line in lines)]
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return folder, ran.stdout.splitlines()


def shortened(line: str) -> str:
    extra = next((text for start, text in SHORTER.items() if line.startswith(start)), "")
    return f"{line} {extra}"


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Task -> what its run left."""
    files = sorted((folder / "runs").glob("*/result.json"))
    return {file.parent.name: json.loads(file.read_text()) for file in files}


def test_the_commands_train_test_and_compare(transcript: tuple[Path, list[str]]):
    folder, lines = transcript
    found = results(folder)
    assert {"cls", "det"} <= set(found)
    for task, result in found.items():
        assert result["status"] == "done"
        assert 0 <= result["metrics"][METRICS[task]] <= 100
    assert any(line.startswith(f"| {found['det']['row']} ") for line in lines)


def test_weights_came_from_the_export(transcript: tuple[Path, list[str]]):
    found = results(transcript[0])
    trained = found.pop("cls")
    for result in found.values():
        assert result["pretrained"]["config_hash"] == trained["config_hash"]
        top1 = trained["metrics"]["top1"]
        assert result["pretrained"]["top1"] == pytest.approx(top1, abs=1e-4)


def test_every_checkpoint_says_what_it_holds(transcript: tuple[Path, list[str]]):
    folder, _ = transcript
    for task, result in results(folder).items():
        last = (folder / "runs" / task / "last_checkpoint").read_text().strip()
        held = torch.load(folder / last, weights_only=False)["meta"]["tricklift"]
        for key in ("task", "row", "dataset", "config_hash"):
            assert held[key] == result[key]


BUILD = """
import sys, torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
cfg = Config.fromfile(sys.argv[1])
init_default_scope(cfg.default_scope)
from mmengine.registry import MODELS
cfg.model.backbone.checkpoint = None
with torch.device("meta"):
    model = MODELS.build(cfg.model)
    maps = model.backbone(torch.empty(1, 3, 64, 64))
strides = [64 // each.shape[-1] for each in maps]
print(strides, len(model.backbone.frozen), model.backbone.norm_eval)
"""


@pytest.mark.parametrize(
    ("place", "expected"), [(0, "[4, 8, 16, 32] 2 True"), (1, "[4, 8, 8, 8] 0 False")]
)
def test_our_backbone_in_a_stock_config(repo: Path, tmp_path: Path, place: int, expected: str):
    config = tmp_path / "mine.py"
    config.write_text(blocks(repo / "docs" / "with-mim.md", "python")[place])
    ran = subprocess.run(
        [sys.executable, "-c", BUILD, str(config)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1:] == [expected], ran.stderr[-2000:]
