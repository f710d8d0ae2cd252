"""Colour jitter, PCA noise and normalisation as one affine map of colours an image.

With gray g(x) = w.x (w the luma weights), the steps on a pixel x in 0..255 are

    brightness   f x
    contrast     f x + (1 - f) m       m: the image's mean gray, in all three channels
    saturation   f x + (1 - f) g(x)    in all three channels
    hue          R(pi (f - 1)) x       R: rotation of the IQ plane of YIQ, so gray stays
    PCA noise    x + E (a * v)         E, v: eigenvectors and eigenvalues of ImageNet's colours
    normalise    (x - mean) / std

None of the first four changes what another one does (gray maps to gray, and the chroma plane is
only scaled and rotated), so their order is free. As in the authors' code, nothing is clipped.
Source: arXiv:1812.01187, section 2.1; PCA: Krizhevsky et al., NIPS 2012, section 4.1.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cls.draws import Drawer, alike
from tricklift.errors import UserError

LUMA = (0.299, 0.587, 0.114)
YIQ = (
    (0.299, 0.587, 0.114),
    (0.595716, -0.274453, -0.321263),
    (0.211456, -0.522591, 0.311135),
)
PCA_VALUES = (55.46, 4.794, 1.148)
PCA_VECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
PROPERTIES = ("brightness", "contrast", "saturation", "hue")
#: What is jittered, in the paper and in the authors' public code, which differ; and everything.
FORMS = {
    "paper": ("hue", "saturation", "brightness"),
    "public": ("brightness", "contrast", "saturation"),
    "all": PROPERTIES,
}
#: Images that a CPU maps in one go.
AT_A_TIME = 4


@dataclass(frozen=True)
class ColourJitter:
    """Which properties are scaled, by factors drawn from ``[1 - strength, 1 + strength]``.

    Attributes:
        form: ``paper``: hue, saturation and brightness. ``public`` (the authors' code):
            brightness, contrast and saturation. ``all``: these four.
        strength: Half the width of the factors' range; 0.4 in the paper.
        pca: Standard deviation of the PCA noise's coefficients; 0.1 in the paper; 0 is none.

    Raises:
        UserError: Unknown form, or a number out of range.
    """

    form: str = "paper"
    strength: float = 0.4
    pca: float = 0.1

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise UserError(f"unknown form {self.form!r} of jitter; known: {', '.join(FORMS)}")
        if not 0 <= self.strength < 1:
            raise UserError(f"jitter strength must be in [0, 1), got {self.strength}")
        if self.pca < 0:
            raise UserError(f"pca must be 0 or more, got {self.pca}")

    @property
    def properties(self) -> tuple[str, ...]:
        """Out of `PROPERTIES`."""
        return FORMS[self.form]

    def factors(self, name: str, count: int, device: torch.device, draws: Drawer = alike) -> Tensor:
        """Draw `count` factors ``(N,)`` for a property; ones where it is not jittered."""
        if name not in self.properties:
            return torch.ones(count, device=device)
        low, high = 1 - self.strength, 1 + self.strength
        return draws(
            lambda own: torch.empty(count, device=device).uniform_(low, high, generator=own), device
        )


def colour_map(
    images: Tensor,
    mean: Tensor,
    std: Tensor,
    jitter: ColourJitter | None = None,
    draws: Drawer = alike,
) -> tuple[Tensor, Tensor]:
    """The map of each image's colours: jitter, with numbers drawn here, then normalisation.

    Args:
        images: ``(N, 3, H, W)`` in 0..255, RGB, of any type.
        mean: Means ``(3,)``.
        std: Standard deviations ``(3,)``.
        jitter: What to draw, or None for normalisation alone.
        draws: Where random numbers come from (`cls.draws`).

    Returns:
        Matrices ``(N, 3, 3)`` and offsets ``(N, 3)``, float32.
    """
    count, device = len(images), images.device
    matrix = torch.eye(3, device=device).expand(count, 3, 3)
    offset = torch.zeros(count, 3, device=device)
    if jitter is not None:
        factors = {name: jitter.factors(name, count, device, draws) for name in PROPERTIES}
        noise = draws(lambda own: torch.randn(count, 3, device=device, generator=own), device)
        # Contrast alone asks for the mean colour.
        known = "contrast" in jitter.properties
        mean_colour = images.mean(dim=(2, 3), dtype=torch.float32) if known else offset
        matrix, offset = jitter_map(mean_colour, factors, noise * jitter.pca)
    return matrix / std.view(3, 1), (offset - mean) / std


def jitter_map(
    mean_colour: Tensor, draws: dict[str, Tensor], noise: Tensor
) -> tuple[Tensor, Tensor]:
    """The matrices ``(N, 3, 3)`` and offsets ``(N, 3)`` of the whole jitter.

    Args:
        mean_colour: Each image's mean colour ``(N, 3)``.
        draws: Factors ``(N,)`` of every one of `PROPERTIES`.
        noise: PCA coefficients ``(N, 3)``.
    """
    device = mean_colour.device
    luma = torch.tensor(LUMA, device=device)
    eye = torch.eye(3, device=device)
    gray = luma.expand(3, 3)
    brightness, contrast, saturation, hue = (draws[name].view(-1, 1, 1) for name in PROPERTIES)
    chroma = saturation * eye + (1 - saturation) * gray
    matrix = brightness * contrast * (hue_rotation(hue) @ chroma)
    mean_gray = (mean_colour @ luma).view(-1, 1)
    offset = (1 - contrast.view(-1, 1)) * brightness.view(-1, 1) * mean_gray
    vectors = torch.tensor(PCA_VECTORS, device=device)
    values = torch.tensor(PCA_VALUES, device=device)
    return matrix, offset + (noise * values) @ vectors.T


def hue_rotation(factor: Tensor) -> Tensor:
    """Matrices ``(N, 3, 3)`` that turn hue by ``pi (factor - 1)``; `factor` is ``(N, 1, 1)``."""
    to_yiq = torch.tensor(YIQ, device=factor.device)
    angle = (factor - 1) * math.pi
    cos, sin = torch.cos(angle), torch.sin(angle)
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = [(one, zero, zero), (zero, cos, -sin), (zero, sin, cos)]
    turn = torch.cat([torch.cat(row, dim=2) for row in rows], dim=1)
    return torch.linalg.inv(to_yiq) @ turn @ to_yiq


def apply_colour(
    images: Tensor,
    matrix: Tensor,
    offset: Tensor,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Tensor:
    """Map each pixel ``x`` of image ``n`` to ``matrix[n] x + offset[n]``.

    On a CPU a few images go at a time, so that what lies between stays in the cache; and the
    products run over planes, since with the colours innermost they take four times as long.

    Args:
        images: ``(N, 3, H, W)`` of any type.
        matrix: Float32 ``(N, 3, 3)``.
        offset: Float32 ``(N, 3)``.
        memory_format: Of the result.

    Returns:
        Float32 ``(N, 3, H, W)``.
    """
    mapped = torch.empty(
        images.shape, dtype=matrix.dtype, device=images.device, memory_format=memory_format
    )
    step = len(images) if images.is_cuda else AT_A_TIME
    for first in range(0, len(images), step):
        some = slice(first, first + step)
        planes = images[some].to(matrix.dtype).flatten(2)
        product = torch.baddbmm(offset[some].unsqueeze(2), matrix[some], planes)
        mapped[some] = product.view(images[some].shape)
    return mapped
