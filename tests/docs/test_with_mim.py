"""What the README shows is run as it stands, on less data and for fewer steps."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tricklift.data.miniworld import MiniWorldSizes, generate

#: Put behind the README's training commands: a few steps instead of the whole schedule.
SHORTER = {
    "mim train tricklift": "--cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=12",
    "mim train mmdet": "train_cfg.max_epochs=1 train_cfg.val_interval=1 "
    "param_scheduler.1.T_max=1 param_scheduler.1.end=1",
    "mim train mmseg": "train_cfg.max_iters=2 train_cfg.val_interval=2 param_scheduler.0.end=2",
}
SIZES = MiniWorldSizes(24, 24, 24, 12, 12, 12)


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", readme, flags=re.DOTALL)


@pytest.fixture(scope="module")
def transcript(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Runs the block of `mim` commands in an empty folder; returns it and what was run."""
    folder = tmp_path_factory.mktemp("readme")
    generate(folder / "data" / "miniworld", sizes=SIZES, workers=1)
    readme = (repo / "README.md").read_text()
    block = next(text for text in blocks(readme, "bash") if "mim train" in text)
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


def test_mim_commands_train_test_and_compare(transcript: tuple[Path, list[str]]):
    folder, lines = transcript
    for task, metric in (("cls", "top1"), ("det", "voc_map"), ("seg", "miou")):
        result = json.loads((folder / "runs" / task / "result.json").read_text())
        assert result["status"] == "done"
        assert result["row"] == "D-tricks"
        assert 0 <= result["metrics"][metric] <= 100
    table = [line for line in lines if line.startswith("| D-tricks")]
    assert len(table) >= 1


def test_weights_came_from_the_export(transcript: tuple[Path, list[str]]):
    folder, _ = transcript
    trained = json.loads((folder / "runs" / "cls" / "result.json").read_text())
    for task in ("det", "seg"):
        result = json.loads((folder / "runs" / task / "result.json").read_text())
        assert result["pretrained"]["config_hash"] == trained["config_hash"]
        top1 = trained["metrics"]["top1"]
        assert result["pretrained"]["top1"] == pytest.approx(top1, abs=1e-4)


def test_every_checkpoint_says_what_it_holds(transcript: tuple[Path, list[str]]):
    folder, _ = transcript
    for task in ("cls", "det", "seg"):
        work_dir = folder / "runs" / task
        result = json.loads((work_dir / "result.json").read_text())
        last = (work_dir / "last_checkpoint").read_text().strip()
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
    config.write_text(blocks((repo / "README.md").read_text(), "python")[place])
    ran = subprocess.run(
        [sys.executable, "-c", BUILD, str(config)], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1:] == [expected], ran.stderr[-2000:]


@pytest.mark.parametrize("word", ["train", "run"])
def test_other_commands_miss_nothing_but_data(repo: Path, tmp_path: Path, word: str):
    readme = (repo / "README.md").read_text().replace("\\\n", " ")
    found = [block for block in blocks(readme, "bash") if block.startswith(f"tricklift {word} ")]
    assert len(found) == 1
    environment = {**os.environ, "TRICKLIFT_ROOT": str(tmp_path / "empty")}
    command = [sys.executable, "-m", *shlex.split(found[0])]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "tricklift prepare miniworld --root" in ran.stderr


def test_files_to_read_exist(repo: Path):
    listed = re.search(
        r"## Read these files first\n(.*?)\n## ", (repo / "README.md").read_text(), re.S
    )
    assert listed
    files = re.findall(r"`([\w/.-]+\.py)`", listed[1])
    assert len(files) >= 6
    assert [file for file in files if not (repo / file).is_file()] == []


def test_demo_table_is_the_one_of_the_page(repo: Path):
    page = (repo / "docs" / "results" / "demo.md").read_text()
    readme = (repo / "README.md").read_text()
    copied = re.search(r"<!-- table: docs/results/demo.md -->\n(.*?)\n<!-- end", readme, re.S)
    assert copied and copied[1].strip() in page
    assert "| B-standard |" in copied[1]
