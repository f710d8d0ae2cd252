"""Two processes, a card each, over NCCL."""

import json
import os
import subprocess
import sys

import pytest
import torch
from short_runs import FEW, LEAVES, SHORT


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two cards")
@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_two_cards(task, repo, tiny_root, tmp_path):
    """Two processes train, validate and leave one result."""
    options = [f"{k}={v}" for k, v in {**FEW, **SHORT[task]}.items() if not isinstance(v, dict)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *("tricklift/.mim/tools/train.py", LEAVES[task], "--launcher", "pytorch"),
            *("--work-dir", str(tmp_path), "--seed", "0", "--cfg-options", *options),
        ],
        cwd=repo,
        env={**os.environ, "TRICKLIFT_ROOT": str(tiny_root), "PYTHONPATH": str(repo)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert json.loads((tmp_path / "result.json").read_text())["status"] == "done"
