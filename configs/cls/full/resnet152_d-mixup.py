"""ResNet-152-D as teacher: the recipe of resnet50_d-mixup, for the students with mixup.

mim train tricklift configs/cls/full/resnet152_d-mixup.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 360 GPU-hours, see `tricklift paper rows`.)
Expected: the paper gives no figure for its teachers. Not run here: needs GPUs.
"""

_base_ = ["resnet50_d-mixup.py"]

model = dict(backbone=dict(name="resnet152_d"))
row = "teacher + mixup"
