"""ResNet-50-D with the paper's efficient recipe on ImageNet (row "D-efficient", Tables 8 and 9).

mim train tricklift configs/cls/full/resnet50_d-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs.)
Expected: top-1 77.16 (arXiv:1812.01187, Table 5). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
globals().update(
    use(
        _base_,
        "resnet_d",
        "linear_scaling",
        "warmup",
        "zero_gamma",
        "no_bias_decay",
        "mixed_precision",
    )
)
row = "D-efficient"
