"""Classification on mmengine's Runner: importing this package registers all its parts.

A config names it once: ``custom_imports = dict(imports=['cls'], allow_failed_imports=False)``.
"""

import tricklift.compat.setup
import tricklift.records.results  # noqa: F401
from cls.datasets import ClassFolders
from cls.metrics import TopKAccuracy
from cls.model import ImageClassifier
from cls.preprocessor import ClsPreprocessor
from cls.transforms import (
    DecodeImage,
    DecodeRandomResizedCrop,
    PackClassified,
    RandomResizedCropUint8,
    ResizeCenterCropUint8,
)

__all__ = [
    "ClassFolders",
    "ClsPreprocessor",
    "DecodeImage",
    "DecodeRandomResizedCrop",
    "ImageClassifier",
    "PackClassified",
    "RandomResizedCropUint8",
    "ResizeCenterCropUint8",
    "TopKAccuracy",
]
