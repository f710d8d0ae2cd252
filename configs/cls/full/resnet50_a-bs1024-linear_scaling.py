"""ResNet-50 at batch 1024: the baseline with its rate scaled to the batch (Table 4, first row).

mim train tricklift configs/cls/full/resnet50_a-bs1024-linear_scaling.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 210 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 75.17 (arXiv:1812.01187, Table 4). Not run here: needs GPUs.
"""

_base_ = ["resnet50_a-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("linear_scaling")
row = "BS 1024 linear scaling"
