"""Inception-V3 with the efficient recipe, which has no zero gamma here (Tables 3 and 6).

mim train tricklift configs/cls/full/inception_v3-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 130 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 77.50 (arXiv:1812.01187, Table 3). Not run here: needs GPUs.
"""

_base_ = ["inception_v3-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("linear_scaling", "warmup", "no_bias_decay", "mixed_precision")
row = "Inception-V3 efficient"
