"""Shapes, textures and their composition, against what can be derived by hand."""

from collections import Counter

import numpy as np
import pytest

from tricklift.data.miniworld.scene import LEAST_PIXELS, Plan, compose
from tricklift.data.miniworld.shapes import OUTLINES, outline, random_affine, rasterise
from tricklift.data.miniworld.textures import colour_pair, pattern, surface
from tricklift.data.miniworld.vocabulary import (
    CLASSES,
    DISTRACTOR_OUTLINES,
    DISTRACTOR_TEXTURES,
    RECIPES,
    SURFACES,
)


def test_neither_outline_nor_texture_tells_a_class() -> None:
    assert len(set(RECIPES.values())) == 12
    assert set(Counter(shape for shape, _ in RECIPES.values()).values()) == {2}
    assert set(Counter(texture for _, texture in RECIPES.values()).values()) == {3}


@pytest.mark.parametrize("pair", [("disc", "block"), ("star", "cross"), ("star", "triangle")])
def test_like_outlines_share_no_texture(pair: tuple[str, str]) -> None:
    first, second = ({t for shape, t in RECIPES.values() if shape == name} for name in pair)
    assert len(first) == len(second) == 2
    assert not first & second


def test_distractors_have_outlines_of_their_own() -> None:
    own = {shape for shape, _ in RECIPES.values()}
    assert not own & set(DISTRACTOR_OUTLINES)
    assert own | set(DISTRACTOR_OUTLINES) == set(OUTLINES)


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("disc", np.pi),
        ("block", 1.7**2),
        ("triangle", 1.15**2 * 3 * np.sqrt(3) / 4),
        ("cross", 8 * 0.28 - 4 * 0.28**2),  # two bars of 2 by 2a less the square they share
        ("ring", np.pi * (1 - 0.45**2)),
        ("bar", 2 * 0.44),
    ],
)
def test_areas(name: str, area: float) -> None:
    """Pixels of a filled outline are its area; corners move by 2 % of the radius."""
    contours = outline(name, np.random.default_rng(0))
    cover = rasterise([50 * contour for contour in contours])
    assert cover.sum() == pytest.approx(area * 50**2, rel=0.06)


@pytest.mark.parametrize("name", OUTLINES)
def test_a_patch_holds_the_whole_shape(name: str) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        affine = random_affine(rng, 40)
        cover = rasterise([contour @ affine.T for contour in outline(name, rng)])
        assert cover.max() == 1
        rim = np.concatenate([cover[0], cover[-1], cover[:, 0], cover[:, -1]])
        assert not rim.any()
        assert cover[1:3].any() and cover[-4:-1].any()  # and no more than that
        assert cover[:, 1:3].any() and cover[:, -4:-1].any()


def test_a_square_is_rasterised_where_it_is() -> None:
    square = np.array([(2, 3), (8, 3), (8, 7), (2, 7)], np.float32)
    cover = rasterise([square])
    assert cover.shape == (7, 9)  # 4 by 6 pixels, one before them and two after
    assert (cover[1:5, 1:7] == 1).all()
    solid = cover >= 0.5
    assert solid.sum() == 4 * 6  # what the border adds on the far sides is too faint
    assert cover.sum() <= 24 + 0.26 * (6 + 4 + 1)


@pytest.mark.parametrize("name", [*DISTRACTOR_TEXTURES])
def test_patterns(name: str) -> None:
    field = pattern(name, 48, 64, 6.0, np.random.default_rng(0))
    assert field.shape == (48, 64)
    assert field.dtype == np.float32
    assert field.min() >= 0 and field.max() <= 1
    if name != "plain":
        assert field.std() > 0.2


def test_stripes_have_their_period() -> None:
    field = pattern("stripes", 128, 128, 8.0, np.random.default_rng(1))
    spectrum = np.abs(np.fft.fft2(field - field.mean()))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    frequency = np.hypot(np.fft.fftfreq(128)[row], np.fft.fftfreq(128)[column])
    assert 1 / frequency == pytest.approx(8, rel=0.08)


@pytest.mark.parametrize("name", [*SURFACES, "other"])
def test_surfaces(name: str) -> None:
    image = surface(name, 40, 72, np.random.default_rng(2))
    assert image.shape == (40, 72, 3)
    assert image.dtype == np.uint8
    assert image.std() > 3


def test_colours_keep_their_contrast() -> None:
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(300):
        first, second = colour_pair(rng, contrast=60)
        assert first.min() >= 0 and first.max() <= 255
        gaps.append(float(first.mean() - second.mean()))
    assert np.abs(gaps).min() > 25  # 60, less what clipping of a tint can take
    assert 0.4 < np.mean(np.array(gaps) > 0) < 0.6


CROWD = Plan(sides=(64, 96), objects=(6, 9), diameter=(30, 60), distractors=(4, 6), margin=0.0)


@pytest.mark.parametrize("seed", range(25))
def test_nothing_vanishes_in_a_crowd(seed: int) -> None:
    scene = compose(np.random.default_rng(seed), CROWD, label=seed % 12, main_surface=seed % 5)
    assert scene.objects[0].label == seed % 12
    for number, item in enumerate(scene.objects, start=1):
        pixels = np.count_nonzero(scene.instances == number)
        assert pixels >= LEAST_PIXELS
        assert CROWD.least_visible <= item.visible <= 1
        assert item.difficult == (item.visible < 0.4)


def test_a_lonely_object_inside_is_whole() -> None:
    plan = Plan(sides=(96, 96), objects=(1, 1), diameter=(20, 30), distractors=(0, 0), centred=True)
    for label in range(len(CLASSES)):
        scene = compose(np.random.default_rng(label), plan, label, 0)
        (item,) = scene.objects
        assert (item.label, item.visible, item.truncated) == (label, 1.0, False)


def test_the_largest_region_has_the_wanted_surface() -> None:
    plan = Plan(sides=(128, 128), objects=(1, 1), diameter=(20, 30), distractors=(0, 0))
    for wanted in range(len(SURFACES)):
        scene = compose(np.random.default_rng(wanted), plan, 0, wanted)
        assert np.bincount(scene.surfaces.ravel()).argmax() == wanted + 1
