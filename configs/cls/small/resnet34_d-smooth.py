"""ResNet-34-D as teacher: the recipe of resnet18_d-smooth, for both students of distillation.

tricklift train cls/small/resnet34_d-smooth
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_d-smooth.py"]

model = dict(backbone=dict(name="resnet34_d"))
row = "teacher"
