"""Detection: importing this package registers all its parts with mmdet.

A config names it once: ``custom_imports = dict(imports=['det'], allow_failed_imports=False)``.
"""

import backbones.wrapper  # noqa: F401
import tricklift.compat.setup
import tricklift.records.results  # noqa: F401
from det.datasets import (
    BCCDDataset,
    CheckedCocoDataset,
    CheckedVOCDataset,
    CheckedXMLDataset,
    MiniWorldDetDataset,
)
from det.iou_aware import IoUAwareBBoxHead, IoUAwareShared2FCBBoxHead
from det.losses import RoIFocalLoss
from det.metrics import VOCMetric
from det.model import TrickFasterRCNN

__all__ = [
    "BCCDDataset",
    "CheckedCocoDataset",
    "CheckedVOCDataset",
    "CheckedXMLDataset",
    "IoUAwareBBoxHead",
    "IoUAwareShared2FCBBoxHead",
    "MiniWorldDetDataset",
    "RoIFocalLoss",
    "TrickFasterRCNN",
    "VOCMetric",
]
