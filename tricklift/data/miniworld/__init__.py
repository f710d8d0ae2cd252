"""MiniWorld: a generated, deterministic benchmark in small, in the layouts of the real data sets.

Twelve classes of textured shapes on cluttered backgrounds, written as an ImageNet folder, a
VOCdevkit and an ADE20K tree, so that the readers of the real data read it.
"""

from tricklift.data.miniworld.generate import Manifest, MiniWorldSizes, generate, verify
from tricklift.data.miniworld.vocabulary import CLASSES, PALETTE, SEG_CLASSES, SURFACES

__all__ = [
    "CLASSES",
    "PALETTE",
    "SEG_CLASSES",
    "SURFACES",
    "Manifest",
    "MiniWorldSizes",
    "generate",
    "verify",
]
