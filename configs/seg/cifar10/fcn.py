"""FCN, output stride 8, on CamVid.

mim train mmseg configs/seg/cifar10/fcn.py
Expected: see docs/results/cifar10.md; about 8 minutes on one core.
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_fcn.py",
    "../../_base_/datasets/seg_camvid.py",
    "../../_base_/schedules/seg_cifar10.py",
]
benchmark = dict(
    task="seg",
    tier="cifar10",
    dataset="CamVid",
    protocol="11 classes, single scale, whole image",
)
model = dict(
    data_preprocessor=dict(size=(240, 240)),
    backbone=dict(name="resnet18_b", channels_last=True),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11),
)
