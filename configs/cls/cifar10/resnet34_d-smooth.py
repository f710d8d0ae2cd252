"""ResNet-34-D as teacher: the recipe of resnet18_d-smooth, for both students of distillation.

tricklift train cls/cifar10/resnet34_d-smooth
The paper's student with mixup has a teacher with mixup. Here one without serves both: a second
would cost as much as three rows.
"""

_base_ = ["resnet18_d-smooth.py"]

model = dict(backbone=dict(name="resnet34_d"))
row = "teacher"
