"""The picture for the documentation."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tricklift.data.miniworld import PALETTE, Manifest, preview


def test_preview_shows_all_three(small_world: Manifest, tmp_path: Path) -> None:
    path = preview(small_world.root, tmp_path / "images" / "sheet.png")
    image = np.asarray(Image.open(path).convert("RGB"))
    assert image.shape[1] > 12 * 64
    colours = {tuple(map(int, colour)) for colour in np.unique(image.reshape(-1, 3), axis=0)}
    assert len(set(PALETTE) & colours) > 8  # masks are drawn in the palette


def test_preview_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no complete MiniWorld in"):
        preview(tmp_path, tmp_path / "sheet.png")


def test_preview_needs_a_picture_name(small_world: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"end the name in \.png or \.jpg"):
        preview(small_world.root, tmp_path / "sheet.pdf")
