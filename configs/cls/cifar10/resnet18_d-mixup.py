"""ResNet-18-D with every trick of the efficient recipe, cosine, smoothing and mixup on CIFAR-10.

tricklift train cls/cifar10/resnet18_d-mixup
Expected: see docs/results/cifar10.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup")
row = "+ mixup w/o distill"
