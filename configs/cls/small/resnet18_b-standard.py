"""Half-width ResNet-18-B with the baseline recipe on Tiny ImageNet.

tricklift train cls/small/resnet18_b-standard
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_tiny_imagenet.py",
    "../../_base_/schedules/cls_small.py",
]
row = "B-standard"
tricks = []
benchmark = dict(
    task="cls", tier="small", dataset="Tiny ImageNet", protocol="top-1, centre crop 64"
)
model = dict(num_classes=100, backbone=dict(width=0.5))
