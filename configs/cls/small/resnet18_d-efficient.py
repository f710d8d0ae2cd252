"""Half-width ResNet-18-D with the efficient recipe on Tiny ImageNet.

tricklift train cls/small/resnet18_d-efficient
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient")
row = "D-efficient"
