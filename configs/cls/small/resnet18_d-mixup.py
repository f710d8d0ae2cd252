"""Half-width ResNet-18-D with every trick but distillation on Tiny ImageNet.

tricklift train cls/small/resnet18_d-mixup
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup")
row = "+ mixup w/o distill"
