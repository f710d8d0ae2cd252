"""ResNet-50 at batch 256: the efficient recipe up to warmup (Table 4, "+ warmup").

mim train tricklift configs/cls/full/resnet50_a-bs256-warmup.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 210 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.03 (arXiv:1812.01187, Table 4). Not run here: needs GPUs.
"""

_base_ = ["resnet50_a-baseline.py"]

from tricklift.tricks import use

tricks = use("linear_scaling", "warmup")
row = "BS 256 + warmup"
