"""Distillation with T = 20 from a ResNet-152-D. Source: section 5.3, equation (6).

Set model.distillation.teacher.checkpoint (and .name, for another teacher than the paper's): an
exported file, a .pth of ours, timm/NAME or torchvision/NAME. form="public" halves both parts of the
loss, as the authors' code does.
"""

tasks = ("cls",)
model = dict(
    distillation=dict(
        teacher=dict(name="resnet152_d", checkpoint=None),
        temperature=20.0,
        form="paper",
    )
)
