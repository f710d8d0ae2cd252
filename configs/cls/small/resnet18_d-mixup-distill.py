"""Half-width ResNet-18-D with all tricks on Tiny ImageNet.

tricklift train cls/small/resnet18_d-mixup-distill
Needs exports/resnet18_d_wide-smooth.safetensors, of the cls/small leaf of that name.
Expected: see docs/results/small.md (written by `tricklift compare`).
"""

_base_ = ["resnet18_b-standard.py"]

from tricklift.tricks import use

train_dataloader = dict(batch_size=128)
tricks = use("resnet_d", "efficient", "cosine", "label_smoothing", "mixup", "distillation")
model = dict(
    distillation=dict(
        teacher=dict(
            name="resnet18_d",
            checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet18_d_wide-smooth.safetensors",
        )
    )
)
row = "+ mixup w/ distill"
