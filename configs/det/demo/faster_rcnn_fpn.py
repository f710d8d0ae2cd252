"""Faster R-CNN with FPN on MiniWorld, half-width ResNet-18, two epochs.

mim train mmdet configs/det/demo/faster_rcnn_fpn.py
Expected: see docs/results/demo.md (written by `tricklift demo`).
"""

_base_ = ["../mini/faster_rcnn_fpn.py"]
benchmark = dict(tier="demo")
model = dict(backbone=dict(width=0.5))
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(type="CosineAnnealingLR", T_max=2, end=2, convert_to_iter_based=True),
]
val_dataloader = dict(batch_size=10)
