"""ResNet-50 with the efficient recipe (Table 3; Table 4, batch 1024 "+ FP16"; Table 5).

mim train tricklift configs/cls/full/resnet50_a-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 70 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 76.21 (arXiv:1812.01187, Table 3). Not run here: needs GPUs.
"""

_base_ = ["resnet50_a-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("efficient")
row = "ResNet-50 efficient"
