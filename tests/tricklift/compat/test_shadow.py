"""Folders of the user's with the names of our packages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tricklift.compat import shadow


def tricklift(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """`python -m tricklift` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "tricklift", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(shadow.__file__).parents[2]), **environment},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in shadow.BESIDE:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return tmp_path


def test_python_m_finds_ours_where_the_current_folder_has_such_folders(folder: Path):
    done = tricklift(folder, "config", "path", "seg/mini/fcn")
    assert done.returncode == 0 and done.stdout.endswith("fcn.py\n"), done.stderr


@pytest.mark.parametrize("name", shadow.BESIDE)
def test_the_folder_that_shadows_is_named(tmp_path: Path, name: str):
    """PYTHONPATH puts it first, whatever is started."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    path = f"{tmp_path}{os.pathsep}{Path(shadow.__file__).parents[2]}"
    done = tricklift(tmp_path, "list", "configs", PYTHONPATH=path)
    assert done.returncode == 2
    assert f"error: {tmp_path / name} is found in the place of tricklift's package" in done.stderr


def test_nothing_shadows_here():
    shadow.refuse()
