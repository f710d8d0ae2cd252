"""Half-width ResNet-18-D with the efficient recipe, cosine and smoothing on MiniWorld.

The batch stays at 64: with twice of it five epochs have too few steps. The warmup carries four
times the baseline's rate; the baseline without one is best at its own (docs/results/README.md).

tricklift train cls/demo/resnet18_d-smooth
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

optim_wrapper = dict(optimizer=dict(lr=0.08))
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing")
row = "D-efficient + cosine + smooth"
