"""FCN, output stride 8, on images and masks of one's own.

tricklift train seg/own --data DIR
Sizes, lengths and classes come from the data; what stands here holds the place.
"""

_base_ = [
    "../../_base_/runtime_seg.py",
    "../../_base_/models/seg_fcn.py",
    "../../_base_/datasets/seg_camvid.py",
    "../../_base_/schedules/seg_small.py",
]
data_root = "{{$TRICKLIFT_ROOT:data}}/own-masks"
train_dataloader = dict(
    dataset=dict(
        type="CheckedSegDataset",
        data_root=data_root,
        metainfo=dict(classes=("background", "object")),
        reduce_zero_label=False,
    )
)
val_dataloader = train_dataloader
test_dataloader = val_dataloader
benchmark = dict(
    task="seg",
    tier="own",
    dataset="own",
    protocol="2 classes, single scale, whole image",
)
model = dict(
    data_preprocessor=dict(size=(240, 240)),
    backbone=dict(name="resnet18_b", channels_last=True),
    decode_head=dict(num_classes=2),
    auxiliary_head=dict(num_classes=2),
)
