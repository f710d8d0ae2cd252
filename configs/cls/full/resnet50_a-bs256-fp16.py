"""ResNet-50 at batch 256: the efficient recipe up to FP16 (Table 4, "+ FP16").

mim train tricklift configs/cls/full/resnet50_a-bs256-fp16.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 70 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.15 (arXiv:1812.01187, Table 4). Not run here: needs GPUs.
"""

_base_ = ["resnet50_a-baseline.py"]

from tricklift.tricks import use

tricks = use("efficient")
row = "BS 256 + FP16"
