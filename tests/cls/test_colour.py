"""The batched affine map against each step done on its own, image by image."""

import math

import pytest
import torch

from cls.colour import (
    LUMA,
    PCA_VALUES,
    PCA_VECTORS,
    PROPERTIES,
    ColourJitter,
    apply_colour,
    colour_map,
)
from cls.preprocessor import MEAN, STD

#: Colour statistics of ImageNet in 0..255, stated here once more, so that a slip in cls.colour
#: shows. The method is of Krizhevsky et al., NIPS 2012, section 4.1, which prints no numbers; these
#: are the ones in use, such as in MXNet's `CreateAugmenter` and GluonCV's `random_pca_lighting`.
PUBLISHED_VALUES = (55.46, 4.794, 1.148)
PUBLISHED_VECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
IMAGES = torch.randint(0, 256, (5, 3, 7, 9), generator=torch.Generator().manual_seed(0)).float()


def gray(image):
    r, g, b = image
    return 0.299 * r + 0.587 * g + 0.114 * b


def one_by_one(image, brightness, contrast, saturation, hue, noise):
    """The textbook steps in the order hue, saturation, contrast, brightness, PCA."""
    y = gray(image)
    i = 0.595716 * image[0] - 0.274453 * image[1] - 0.321263 * image[2]
    q = 0.211456 * image[0] - 0.522591 * image[1] + 0.311135 * image[2]
    angle = math.pi * (hue - 1)
    i, q = (
        math.cos(angle) * i - math.sin(angle) * q,
        math.sin(angle) * i + math.cos(angle) * q,
    )
    yiq = torch.stack([y, i, q])
    back = torch.linalg.inv(
        torch.tensor(
            [
                [0.299, 0.587, 0.114],
                [0.595716, -0.274453, -0.321263],
                [0.211456, -0.522591, 0.311135],
            ]
        )
    )
    image = torch.einsum("ij,jhw->ihw", back, yiq)
    image = saturation * image + (1 - saturation) * gray(image)
    image = contrast * image + (1 - contrast) * gray(image).mean()
    image = brightness * image
    shift = torch.tensor(PUBLISHED_VECTORS) @ (noise * torch.tensor(PUBLISHED_VALUES))
    return image + shift.view(3, 1, 1)


def test_map_equals_the_steps_one_by_one():
    jitter = ColourJitter(form="all")
    factors, noise = jitter.draw(5, torch.Generator().manual_seed(1))
    got = apply_colour(IMAGES, *jitter.map(IMAGES.mean((2, 3)), factors, noise))
    for n, image in enumerate(IMAGES):
        want = one_by_one(image, *factors[:, n].tolist(), noise[n])
        torch.testing.assert_close(got[n], want, rtol=1e-4, atol=2e-3)


def test_gray_weights_and_pca_are_the_published_ones():
    assert LUMA == (0.299, 0.587, 0.114)  # ITU-R BT.601
    assert (PCA_VALUES, PCA_VECTORS) == (PUBLISHED_VALUES, PUBLISHED_VECTORS)
    # Eigenvectors are orthonormal to the four digits that are published.
    vectors = torch.tensor(PUBLISHED_VECTORS)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(3), atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("form", "left"), [("paper", {"contrast"}), ("public", {"hue"}), ("all", set())]
)
def test_factors_lie_in_the_range_and_are_uniform(form, left):
    torch.manual_seed(0)
    drawn, _ = ColourJitter(form=form).draw(10_000)
    for name, factors in zip(PROPERTIES, drawn, strict=True):
        if name in left:
            assert (factors == 1).all()
            continue
        assert 0.6 <= factors.min() < 0.61 and 1.39 < factors.max() <= 1.4
        assert factors.mean() == pytest.approx(1, abs=0.01)
        assert factors.var() == pytest.approx(0.8**2 / 12, rel=0.05)  # of a uniform distribution


def normalised(images, jitter=None, **kwargs):
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return apply_colour(images, *colour_map(images, mean, std, jitter), **kwargs)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalisation_alone_at_validation(dtype):
    got = normalised(IMAGES.to(dtype))
    want = (IMAGES - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.byte()], ids=["float", "uint8"])
@pytest.mark.parametrize("form", ["paper", "public", "all"])
def test_a_batch_equals_the_whole_chain_image_by_image(images, form):
    """The draws of one batch, taken again in the same order, and each step on its own."""
    jitter = ColourJitter(form=form)
    torch.manual_seed(3)
    got = normalised(images, jitter)
    torch.manual_seed(3)
    factors, noise = jitter.draw(len(IMAGES))
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (MEAN, STD))
    for n, image in enumerate(IMAGES):
        want = one_by_one(image, *factors[:, n].tolist(), noise[n])
        torch.testing.assert_close(got[n], (want - mean) / std, rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("given", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_the_one_asked_for(form, given):
    images = IMAGES.contiguous(memory_format=given)
    out = normalised(images, memory_format=form)
    assert out.is_contiguous(memory_format=form)
    assert torch.equal(out, normalised(IMAGES))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(form="gamma"), "unknown form 'gamma' of jitter; known: paper, public, all"),
        (dict(strength=1.5), r"strength must be in \[0, 1\), got 1.5"),
        (dict(pca=-1), "pca must be 0 or more"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        ColourJitter(**settings)
