"""ResNet-18-B with the baseline recipe on CIFAR-10.

tricklift train cls/cifar10/resnet18_b-standard
Expected: see docs/results/cifar10.md (written by `tricklift compare`).
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_cifar10.py",
    "../../_base_/schedules/cls_cifar10.py",
]
row = "B-standard"
tricks = []
benchmark = dict(task="cls", tier="cifar10", dataset="CIFAR-10", protocol="top-1, centre crop 64")
