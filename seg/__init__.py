"""Segmentation: importing this package registers all its parts with mmseg.

A config names it once: ``custom_imports = dict(imports=['seg'], allow_failed_imports=False)``.
"""

import backbones.wrapper  # noqa: F401
import tricklift.compat.setup
import tricklift.records.results  # noqa: F401
from seg.datasets import (
    CamVidDataset,
    CheckedADE20KDataset,
    CheckedSegDataset,
    MiniWorldSegDataset,
)
from seg.metrics import IoUMetric
from seg.model import TrickEncoderDecoder
from seg.transforms import LoadMask, RandomBlur

__all__ = [
    "CamVidDataset",
    "CheckedADE20KDataset",
    "CheckedSegDataset",
    "IoUMetric",
    "LoadMask",
    "MiniWorldSegDataset",
    "RandomBlur",
    "TrickEncoderDecoder",
]
