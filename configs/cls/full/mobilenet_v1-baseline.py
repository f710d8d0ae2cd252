"""MobileNet with the paper's baseline recipe on ImageNet (Tables 2 and 3).

mim train tricklift configs/cls/full/mobilenet_v1-baseline.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 100 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 69.03 (arXiv:1812.01187, Table 2). Not run here: needs GPUs.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_mobilenet_v1.py",
    "../../_base_/datasets/cls_imagenet.py",
    "../../_base_/schedules/cls_120e.py",
]
row = "MobileNet"
tricks = []
benchmark = dict(task="cls", tier="full", dataset="ImageNet-1k", protocol="top-1, centre crop 224")
