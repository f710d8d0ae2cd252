"""ResNet-50-B with the efficient recipe (Table 5).

mim train tricklift configs/cls/full/resnet50_b-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 75 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.66 (arXiv:1812.01187, Table 5). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_b", "efficient")
row = "ResNet-50-B efficient"
