"""Inception-V3 on MiniWorld in one epoch with AdamW, at 96 px: below 75 it has no map left.

tricklift train cls/mini/inception_v3-adamw
Expected: docs/results/zoo-mini.md.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_miniworld_96px.py",
    "../../_base_/schedules/cls_zoo.py",
]
row = "AdamW, 1 epoch"
tricks = []
benchmark = dict(task="cls", tier="mini", dataset="MiniWorld", protocol="top-1, centre crop 96")
train_dataloader = dict(batch_size=32)
model = dict(backbone=dict(name="timm/inception_v3"), num_classes=12)
