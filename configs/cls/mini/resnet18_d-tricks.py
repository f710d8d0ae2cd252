"""ResNet-18-D with every trick of the efficient recipe, cosine, smoothing and mixup on MiniWorld.

tricklift train cls/mini/resnet18_d-tricks
Expected: see the table in README.md (written by `tricklift demo`).
"""

_base_ = ["resnet18_b-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup")
row = "D-tricks"
