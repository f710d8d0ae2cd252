"""MobileNet: efficient recipe, cosine decay (Table 6, "+ cosine").

mim train tricklift configs/cls/full/mobilenet_v1-cosine.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 60 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 72.83 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["mobilenet_v1-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("linear_scaling", "warmup", "no_bias_decay", "mixed_precision", "cosine")
row = "MobileNet + cosine"
