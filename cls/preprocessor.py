"""What runs batched on the device before the network: flip, colour and normalisation.

Brightness, contrast, saturation, hue, PCA noise and normalisation are all affine in the colour of
a pixel, with numbers that are one an image. So each image gets one 3x3 matrix and one offset, and
the whole chain is one pass over the batch (`cls.colour` derives them).
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from torch import Tensor

from backbones.normalisation import MEAN, STD
from cls.colour import ColourJitter, apply_colour, colour_map
from cls.draws import Draws


@MODELS.register_module()
class ClsPreprocessor(BaseDataPreprocessor):
    """uint8 ``(N, 3, H, W)`` in RGB to normalised float32, augmented in training.

    Args:
        mean: Means in 0..255, RGB.
        std: Standard deviations in 0..255, RGB.
        flip: Probability of a horizontal flip in training.
        jitter: Colour jitter in training (keyword arguments of `ColourJitter`), or None.
        channels_last: Hand on the batch in channels-last memory format.

    Source: arXiv:1812.01187, section 2.1 (order, ranges and constants).
    """

    def __init__(
        self,
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        flip: float = 0.5,
        jitter: dict[str, Any] | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__(non_blocking=True)
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)
        self.flip = flip
        self.jitter = None if jitter is None else ColourJitter(**jitter)
        self.draws = Draws()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format

    def forward(self, data: dict[str, Tensor], training: bool = False) -> dict[str, Tensor]:
        """Move a batch ``dict(inputs, labels, ...)`` to the device and prepare its images."""
        data = self.cast_data(data)
        # Colours in 0..255 need more than bfloat16's 8 bits, whatever the network runs in.
        with torch.autocast(self.device.type, enabled=False):
            images = data["inputs"]
            jitter, generator = self.jitter if training else None, None
            if training:
                images = random_flip(images, self.flip, self.draws("flip", images.device))
                generator = self.draws("colour", images.device)
            matrix, offset = colour_map(images, self.mean, self.std, jitter, generator)
            images = apply_colour(images, matrix, offset, self.memory_format)
        return {**data, "inputs": images}


def random_flip(
    images: Tensor, probability: float, generator: torch.Generator | None = None
) -> Tensor:
    """Mirror each image of ``(N, 3, H, W)`` left to right with the given probability."""
    count, device = len(images), images.device
    mirrored = torch.rand(count, device=device, generator=generator) < probability
    places = torch.arange(count, device=device) + count * mirrored
    return torch.cat([images, images.flip(3)]).index_select(0, places)
