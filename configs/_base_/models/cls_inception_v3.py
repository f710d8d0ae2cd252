"""Inception-V3 (timm's, without the auxiliary head) with the paper's augmentation; 1000 classes."""

_base_ = "cls_resnet50.py"
model = dict(backbone=dict(name="timm/inception_v3"))
