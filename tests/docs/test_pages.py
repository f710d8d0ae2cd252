"""Pages are what their commands make of what they are made from."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine writes its own page")
def test_the_page_of_the_gpu_has_all_that_is_asked_of_one(repo: Path, tmp_path: Path):
    """Written by its command, here where there is none; what a card once answered may stand."""
    page = tmp_path / "gpu.md"
    command = (sys.executable, "-m", "pytest", "-q", "tests/gpu", "--gpu-page", str(page))
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout

    def asked(text: str) -> list[str]:
        return re.findall(r"^\| ([a-z][^|]+\|[^|]*)\|", text, re.MULTILINE)[1:]

    written = page.read_text()
    assert asked(written) == asked((repo / "docs/gpu.md").read_text())
    assert written.count("| not run: ") == len(asked(written)) > 30
