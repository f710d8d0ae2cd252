"""ResNet-18-D with the efficient recipe, cosine and label smoothing on CIFAR-10.

tricklift train cls/cifar10/resnet18_d-smooth
Expected: see docs/results/cifar10.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing")
row = "+ smooth"
