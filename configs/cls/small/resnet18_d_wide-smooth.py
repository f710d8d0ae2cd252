"""ResNet-18-D of full width as teacher: the recipe of resnet18_d-smooth, for both distilled rows.

tricklift train cls/small/resnet18_d_wide-smooth
The paper's student with mixup has a teacher with mixup. Here one without serves both: a second
would cost as much as three rows.
"""

_base_ = ["resnet18_d-smooth.py"]

model = dict(backbone=dict(width=1.0))
row = "teacher"
