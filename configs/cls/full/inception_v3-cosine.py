"""Inception-V3: efficient recipe, cosine decay (Table 6, "+ cosine").

mim train tricklift configs/cls/full/inception_v3-cosine.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 130 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 78.19 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["inception_v3-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("linear_scaling", "warmup", "no_bias_decay", "mixed_precision", "cosine")
row = "Inception-V3 + cosine"
