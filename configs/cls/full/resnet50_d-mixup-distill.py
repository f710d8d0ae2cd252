"""ResNet-50-D: efficient recipe, cosine decay, smoothing, mixup and distillation
(Table 6; Tables 8 and 9, "+ mixup w/ distill").

mim train tricklift configs/cls/full/resnet50_d-mixup-distill.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 250 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet152_d-mixup.safetensors, of the cls/full leaf of that name.
Expected: top-1 79.29 (arXiv:1812.01187, Table 6). Not run here: needs GPUs.
"""

_base_ = ["resnet50_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup", "distillation")
model = dict(
    distillation=dict(
        teacher=dict(checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet152_d-mixup.safetensors")
    )
)
row = "+ mixup w/ distill"
