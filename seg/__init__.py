"""Segmentation: importing this room registers all its parts with mmseg.

A config names it once: ``custom_imports = dict(imports=['seg'], allow_failed_imports=False)``.
"""

import backbones.wrapper  # noqa: F401
import tricklift.ground.results
import tricklift.ground.setup  # noqa: F401
from seg.datasets import (
    CamVidDataset,
    CheckedADE20KDataset,
    CheckedSegDataset,
    MiniWorldSegDataset,
    RandomBlur,
)
from seg.model import TrickEncoderDecoder

__all__ = [
    "CamVidDataset",
    "CheckedADE20KDataset",
    "CheckedSegDataset",
    "MiniWorldSegDataset",
    "RandomBlur",
    "TrickEncoderDecoder",
]
