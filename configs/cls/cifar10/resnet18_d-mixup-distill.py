"""ResNet-18-D with cosine, smoothing, mixup and distillation on CIFAR-10.

tricklift train cls/cifar10/resnet18_d-mixup-distill
Needs exports/resnet34_d-smooth.safetensors, of the cls/cifar10 leaf of that name.
Expected: see docs/results/cifar10.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup", "distillation")
model = dict(
    distillation=dict(
        teacher=dict(
            name="resnet34_d",
            checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet34_d-smooth.safetensors",
        )
    )
)
row = "+ mixup w/ distill"
