"""ResNet-50 with the paper's baseline recipe on ImageNet (Tables 2 and 3; Table 4, batch 256).

mim train tricklift configs/cls/full/resnet50_a-baseline.py --gpus 8 --launcher pytorch
(32 images on each of 8 GPUs; about 210 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 75.87 (arXiv:1812.01187, Table 2). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

model = dict(backbone=dict(name="resnet50_a"))
row = "ResNet-50"
