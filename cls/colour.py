"""Colour jitter, PCA noise and normalisation as one affine map of colours an image.

With gray g(x) = w.x (w the luma weights), the steps on a pixel x in 0..255 are

    brightness   f x
    contrast     f x + (1 - f) m       m: the image's mean gray, in all three channels
    saturation   f x + (1 - f) g(x)    in all three channels
    hue          R(pi (f - 1)) x       R: rotation of the IQ plane of YIQ, so gray stays
    PCA noise    x + E (a * v)         E, v: eigenvectors and eigenvalues of ImageNet's colours
    normalise    (x - mean) / std

None of the first four changes what another one does (gray maps to gray, and the chroma plane is
only scaled and rotated), so their order is free. With G the projection on gray, C = 1 - G that on
the chroma plane and Q its turn by a right angle, saturation s and a turn by t are together
G + s cos(t) C + s sin(t) Q. As in the authors' code, nothing is clipped.
Source: arXiv:1812.01187, section 2.1; PCA: Krizhevsky et al., NIPS 2012, section 4.1.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from tricklift.errors import UserError

LUMA = (0.299, 0.587, 0.114)
YIQ = (LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
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


class ColourJitter(nn.Module):
    """Scales colour properties by factors drawn from ``[1 - strength, 1 + strength]``.

    Args:
        form: ``paper``: hue, saturation and brightness. ``public`` (the authors' code):
            brightness, contrast and saturation. ``all``: these four.
        strength: Half the width of the factors' range; 0.4 in the paper.
        pca: Standard deviation of the PCA noise's coefficients; 0.1 in the paper; 0 is none.

    Raises:
        UserError: Unknown form, or a number out of range.
    """

    luma: Tensor
    parts: Tensor
    noise: Tensor
    spread: Tensor

    def __init__(self, form: str = "paper", strength: float = 0.4, pca: float = 0.1) -> None:
        super().__init__()
        if form not in FORMS:
            raise UserError(f"unknown form {form!r} of jitter; known: {', '.join(FORMS)}")
        if not 0 <= strength < 1:
            raise UserError(f"jitter strength must be in [0, 1), got {strength}")
        if pca < 0:
            raise UserError(f"pca must be 0 or more, got {pca}")
        self.properties = FORMS[form]
        self.strength = strength
        self.pca = pca
        to_yiq = np.array(YIQ)
        gray, chroma, turned = (
            np.linalg.inv(to_yiq) @ np.array(plane) @ to_yiq
            for plane in (
                [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
                [[0, 0, 0], [0, 1, 0], [0, 0, 1]],
                [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
            )
        )
        constants = {
            "luma": LUMA,
            "parts": np.stack([gray, chroma, turned]).reshape(3, 9),
            "noise": np.array(PCA_VECTORS) * PCA_VALUES,
            "spread": [[strength if name in self.properties else 0] for name in PROPERTIES],
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float32), persistent=False)

    def draw(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Factors ``(4, N)`` of `PROPERTIES`, 1 where one is not jittered; noise ``(N, 3)``."""
        device = self.spread.device
        drawn = torch.rand(4, count, device=device, generator=generator)
        noise = self.pca * torch.randn(count, 3, device=device, generator=generator)
        return 1 + self.spread * (2 * drawn - 1), noise

    def forward(
        self, images: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw the matrices ``(N, 3, 3)`` and offsets ``(N, 3)`` of a batch ``(N, 3, H, W)``."""
        drawn = self.draw(len(images), generator)
        if "contrast" not in self.properties:  # it alone asks for the mean colour
            return self.map(images.new_zeros(len(images), 3, dtype=torch.float32), *drawn)
        return self.map(images.mean(dim=(2, 3), dtype=torch.float32), *drawn)

    def map(self, mean_colour: Tensor, factors: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Matrices and offsets of each image's mean colour ``(N, 3)`` and of what `draw` gave."""
        brightness, contrast, saturation, hue = factors
        angle = (hue - 1) * math.pi
        shares = (torch.ones_like(hue), saturation * angle.cos(), saturation * angle.sin())
        matrix = (torch.stack(shares, dim=1) @ self.parts).view(-1, 3, 3)
        matrix = (brightness * contrast).view(-1, 1, 1) * matrix
        gray = (1 - contrast) * brightness * (mean_colour @ self.luma)
        return matrix, gray.view(-1, 1) + noise @ self.noise.T


def colour_map(
    images: Tensor,
    mean: Tensor,
    std: Tensor,
    jitter: ColourJitter | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """The map of each image's colours: jitter, with numbers drawn here, then normalisation.

    Args:
        images: ``(N, 3, H, W)`` in 0..255, RGB, of any type.
        mean, std: Means and standard deviations ``(3,)``.
        jitter: On the images' device, or None for normalisation alone.
        generator: On that device; None is its global one.

    Returns:
        Matrices ``(N, 3, 3)`` and offsets ``(N, 3)``, float32.
    """
    if jitter is None:
        return (1 / std).diag().expand(len(images), 3, 3), (-mean / std).expand(len(images), 3)
    matrix, offset = jitter(images, generator)
    return matrix / std.view(3, 1), (offset - mean) / std


def apply_colour(
    images: Tensor,
    matrix: Tensor,
    offset: Tensor,
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Tensor:
    """Map each pixel ``x`` of image ``n`` to ``matrix[n] x + offset[n]``.

    On a CPU a few images go at a time, so that what lies between stays in the cache; and the
    products run over planes, since with the colours innermost they take four times as long.

    Images ``(N, 3, H, W)`` of any type, matrices ``(N, 3, 3)`` and offsets ``(N, 3)`` in float32
    give float32 ``(N, 3, H, W)``.
    """
    mapped = torch.empty(
        images.shape, dtype=matrix.dtype, device=images.device, memory_format=memory_format
    )
    step = AT_A_TIME if images.device.type == "cpu" else len(images)
    for first in range(0, len(images), step):
        some = slice(first, first + step)
        planes = images[some].to(matrix.dtype).flatten(2)
        product = torch.baddbmm(offset[some].unsqueeze(2), matrix[some], planes)
        mapped[some] = product.view(images[some].shape)
    return mapped
