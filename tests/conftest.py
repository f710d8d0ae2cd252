"""Shared by all tests: few threads, and the folder of real data where there is one."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repo() -> Path:
    """The folder of pyproject.toml."""
    return REPO


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data archives' folder (`TRICKLIFT_DATA`, default `../shared/data`); skips without it."""
    folder = Path(os.environ.get("TRICKLIFT_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data archives in {folder}; set TRICKLIFT_DATA to their folder")
    return folder
