"""ResNet-50-D with the efficient recipe on ImageNet (Tables 5 and 6; "D-efficient" of 8 and 9).

mim train tricklift configs/cls/full/resnet50_d-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 80 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 77.16 (arXiv:1812.01187, Table 5). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient")
row = "D-efficient"
