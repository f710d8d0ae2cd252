"""Blocks of with-mim.md, get-started.md, your-backbone.md and your-trick.md are run as they stand.

Each in a folder of its own, on less data. The lines are the page's; changed is only this:

- trainings get the options in SHORTER behind them;
- `tricklift prepare miniworld` is left out: a smaller one is there already;
- `tricklift run` is put through `tricklift plan` with the same arguments, so nothing of it is
  trained, and a `compare` of its folder reads the results of the demo that docs/results keeps.
"""

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

REPO = Path(__file__).parents[2]
#: Put behind the pages' training commands: a few steps instead of the whole schedule.
SHORTER = {
    "mim train tricklift": "--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=12",
    "mim train mmdet": "train_cfg.max_epochs=1 train_cfg.val_interval=1 "
    "param_scheduler.1.T_max=1 param_scheduler.1.end=1",
    "mim train mmseg": "train_cfg.max_iters=2 train_cfg.val_interval=2 param_scheduler.0.end=2",
    "tricklift train cls": "--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=12 "
    "train_cfg.val_interval=1",
    "tricklift train det": "--cfg-options train_cfg.max_epochs=1 train_cfg.val_interval=1",
    "tricklift train seg": "--cfg-options train_cfg.max_iters=2 train_cfg.val_interval=2",
}
SIZES = MiniWorldSizes(24, 24, 24, 12, 12, 12)
METRICS = {"cls": "top1", "det": "voc_map", "seg": "miou"}
MARKED = re.compile(
    rf"^<!-- run by tests/docs/{Path(__file__).name} -->\n```bash\n(.*?)^```", re.S | re.M
)
BLOCKS = {
    f"{page}-{place}": block
    for page in ("with-mim", "get-started", "your-backbone", "your-trick")
    for place, block in enumerate(MARKED.findall((REPO / "docs" / f"{page}.md").read_text()))
}
#: Those that train one step after another into `runs`, and compare what is there.
CHAINS = [name for name, block in BLOCKS.items() if "\ntricklift compare runs\n" in block]


def lines_of(block: str) -> list[str]:
    """The lines of a block as they are run."""
    lines, planned = [], set()
    for line in block.replace("\\\n", " ").splitlines():
        command = re.sub(r"\s+#.*", "", line)
        if command.startswith("tricklift prepare miniworld"):
            continue
        if command.startswith("tricklift run "):
            planned.add(re.search(r"--out (\S+)", command)[1])
            command = command.replace("tricklift run", "tricklift plan", 1)
        if command.startswith("tricklift compare ") and command.split()[2] in planned:
            folder = command.split()[2]
            lines.append(f"mkdir -p {folder} && cp -r {REPO}/docs/results/demo/. {folder}")
        extra = next((text for start, text in SHORTER.items() if command.startswith(start)), "")
        lines.append(f"{command} {extra}")
    return lines


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a small MiniWorld."""
    root = tmp_path_factory.mktemp("root")
    generate(root / "miniworld", sizes=SIZES, workers=1)
    return root


def run(block: str, folder: Path, data: Path) -> list[str]:
    """Runs a block in a folder that holds nothing but data; returns what was printed."""
    (folder / "data").symlink_to(data)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", "\n".join(["set -e", *lines_of(block)])],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout.splitlines()


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Task -> what its run left."""
    files = sorted((folder / "runs").glob("*/result.json"))
    return {file.parent.name: json.loads(file.read_text()) for file in files}


def test_there_are_blocks_of_each_page():
    assert len(BLOCKS) == 5 and len(CHAINS) == 2


@pytest.fixture(scope="module", params=CHAINS)
def transcript(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A chain's folder, and what was printed."""
    folder = tmp_path_factory.mktemp(request.param)
    return folder, run(BLOCKS[request.param], folder, data)


#: 50 s; tests/tricklift/test_own_journeys.py does the same on less.
SLOW = ("your-backbone-0", "your-trick-0")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in sorted(set(BLOCKS) - set(CHAINS))
    ],
)
def test_a_block_runs_in_an_empty_folder(name: str, data: Path, tmp_path: Path):
    said = run(BLOCKS[name], tmp_path, data)
    trained = re.findall(r"^tricklift train (\w+)/", BLOCKS[name], re.M)
    left = results(tmp_path)
    assert sorted(left) == sorted(trained)
    assert all(result["status"] == "done" for result in left.values())
    assert sum(" jobs into " in line for line in said) == BLOCKS[name].count("tricklift run ")


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
    page = (repo / "docs" / "with-mim.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    config = tmp_path / "mine.py"
    config.write_text(blocks[place])
    ran = subprocess.run(
        [sys.executable, "-c", BUILD, str(config)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1:] == [expected], ran.stderr[-2000:]
