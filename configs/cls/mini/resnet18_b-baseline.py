"""ResNet-18-B with the baseline recipe on MiniWorld.

tricklift train cls/mini/resnet18_b-baseline
Expected: see the table in README.md (written by `tricklift demo`).
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_miniworld.py",
    "../../_base_/schedules/cls_mini.py",
]
row = "B-baseline"
tricks = []
benchmark = dict(task="cls", tier="mini", dataset="MiniWorld", protocol="top-1, centre crop 64")
model = dict(num_classes=12)
