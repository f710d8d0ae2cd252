"""Folders of `own_data`: kept for all tests, or a test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from own_data import LAYOUTS


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A layout's folder, made once; read it only."""
    made: dict[str, Path] = {}

    def folder(layout: str) -> Path:
        if layout not in made:
            made[layout] = tmp_path_factory.mktemp("data") / "pets"
            LAYOUTS[layout][1](made[layout])
        return made[layout]

    return folder


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], Path]:
    """A layout's folder that a test can break."""

    def folder(layout: str) -> Path:
        LAYOUTS[layout][1](tmp_path / "pets")
        return tmp_path / "pets"

    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "layout" in metafunc.fixturenames:
        metafunc.parametrize("layout", LAYOUTS)
