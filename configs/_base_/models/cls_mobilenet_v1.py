"""MobileNet at full width (timm's) with the paper's augmentation; 1000 classes."""

_base_ = "cls_resnet50.py"
model = dict(backbone=dict(name="timm/mobilenetv1_100"))
