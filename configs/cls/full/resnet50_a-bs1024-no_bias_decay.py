"""ResNet-50 at batch 1024: the efficient recipe up to no bias decay (Table 4, "+ no bias decay").

mim train tricklift configs/cls/full/resnet50_a-bs1024-no_bias_decay.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 210 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.03 (arXiv:1812.01187, Table 4). Not run here: needs GPUs.
"""

_base_ = ["resnet50_a-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("linear_scaling", "warmup", "zero_gamma", "no_bias_decay")
row = "BS 1024 + no bias decay"
