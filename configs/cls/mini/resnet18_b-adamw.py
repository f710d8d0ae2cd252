"""ResNet-18-B on MiniWorld in one epoch with AdamW; `tricklift run zoo` tries all families so.

tricklift train cls/mini/resnet18_b-adamw --backbone hardnet39ds
Expected: docs/results/zoo-mini.md.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_miniworld.py",
    "../../_base_/schedules/cls_zoo.py",
]
row = "AdamW, 1 epoch"
tricks = []
benchmark = dict(task="cls", tier="mini", dataset="MiniWorld", protocol="top-1, centre crop 64")
train_dataloader = dict(batch_size=32)
model = dict(num_classes=12)
