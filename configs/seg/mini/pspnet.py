"""PSPNet, output stride 8, on MiniWorld.

mim train mmseg configs/seg/mini/pspnet.py
Expected: not in the demo's table; about 1 minute on 2 cores.
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_pspnet.py",
    "../../_base_/datasets/seg_miniworld.py",
    "../../_base_/schedules/seg_mini.py",
]
benchmark = dict(
    task="seg",
    tier="mini",
    dataset="MiniWorld",
    protocol="17 classes, single scale, whole image",
)
model = dict(
    data_preprocessor=dict(size=(128, 128)),
    backbone=dict(name="resnet18_b", channels_last=True),
    decode_head=dict(num_classes=17),
    auxiliary_head=dict(num_classes=17),
)
