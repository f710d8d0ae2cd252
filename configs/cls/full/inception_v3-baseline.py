"""Inception-V3 with the paper's baseline recipe on ImageNet (Tables 2 and 3).

mim train tricklift configs/cls/full/inception_v3-baseline.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 320 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 77.32 (arXiv:1812.01187, Table 2). Not run here: needs GPUs.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_inception_v3.py",
    "../../_base_/datasets/cls_imagenet_299.py",
    "../../_base_/schedules/cls_120e.py",
]
row = "Inception-V3"
tricks = []
benchmark = dict(task="cls", tier="full", dataset="ImageNet-1k", protocol="top-1, centre crop 299")
