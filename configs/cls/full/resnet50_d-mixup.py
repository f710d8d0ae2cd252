"""ResNet-50-D: efficient recipe, cosine decay, smoothing and mixup
(Table 6; Tables 8 and 9, "+ mixup w/o distill").

mim train tricklift configs/cls/full/resnet50_d-mixup.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 130 GPU-hours, see `tricklift paper rows`.)
Expected: top-1 79.15 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup")
row = "+ mixup w/o distill"
