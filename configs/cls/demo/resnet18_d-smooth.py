"""Half-width ResNet-18-D with the efficient recipe, cosine and smoothing on MiniWorld.

The batch stays at 64: with twice of it five epochs have too few steps.

tricklift train cls/demo/resnet18_d-smooth
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

tricks = use("resnet_d", "efficient", "cosine", "label_smoothing")
row = "D-efficient + cosine + smooth"
