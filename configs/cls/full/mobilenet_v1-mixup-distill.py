"""MobileNet: efficient recipe, cosine decay, smoothing, mixup and distillation
(Table 6, "+ mixup w/ distill").

mim train tricklift configs/cls/full/mobilenet_v1-mixup-distill.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 220 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet152_d-mixup.safetensors, of the cls/full leaf of that name.
Expected: top-1 72.51 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["mobilenet_v1-baseline.py"]

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
row = "MobileNet + mixup w/ distill"
