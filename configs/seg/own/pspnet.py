"""PSPNet, output stride 8, on images and masks of one's own.

tricklift train seg/own/pspnet --data DIR
Sizes, lengths and classes come from the data; what stands here holds the place.
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_pspnet.py",
    "../../_base_/datasets/seg_own.py",
    "../../_base_/schedules/seg_small.py",
]
model = dict(
    data_preprocessor=dict(size=(240, 240)),
    backbone=dict(name="resnet18_b", channels_last=True),
    decode_head=dict(num_classes=2),
    auxiliary_head=dict(num_classes=2),
)
