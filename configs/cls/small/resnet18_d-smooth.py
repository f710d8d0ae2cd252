"""Half-width ResNet-18-D with efficient recipe, cosine and smoothing on Tiny ImageNet.

tricklift train cls/small/resnet18_d-smooth
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing")
row = "+ smooth"
