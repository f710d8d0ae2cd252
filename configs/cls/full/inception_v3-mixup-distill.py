"""Inception-V3: efficient recipe, cosine decay, smoothing, mixup and distillation
(Table 6, "+ mixup w/ distill").

mim train tricklift configs/cls/full/inception_v3-mixup-distill.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 430 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet152_d-mixup.safetensors, of the cls/full leaf of that name.
Expected: top-1 78.34 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["inception_v3-baseline.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use(
    "linear_scaling",
    "warmup",
    "no_bias_decay",
    "mixed_precision",
    "cosine",
    "label_smoothing",
    "mixup",
    "distillation",
)
model = dict(
    distillation=dict(
        teacher=dict(checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet152_d-mixup.safetensors")
    )
)
row = "Inception-V3 + mixup w/ distill"
