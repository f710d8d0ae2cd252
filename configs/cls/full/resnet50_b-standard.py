"""ResNet-50-B with the paper's baseline recipe on ImageNet (row "B-standard" of Tables 8 and 9).

mim train tricklift configs/cls/full/resnet50_b-standard.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 230 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.14 (arXiv:1812.01187, Table 8). Not run here: needs GPUs.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet50.py",
    "../../_base_/datasets/cls_imagenet.py",
    "../../_base_/schedules/cls_120e.py",
]
row = "B-standard"
tricks = []
benchmark = dict(task="cls", tier="full", dataset="ImageNet-1k", protocol="top-1, centre crop 224")
