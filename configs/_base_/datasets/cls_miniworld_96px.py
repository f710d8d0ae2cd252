"""MiniWorld's classification set at 96 px: for networks that need more than 64, as Inception-V3."""

_base_ = "cls_miniworld.py"
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="RandomResizedCropUint8", size=96, scale=(0.5, 1.0)),
            dict(type="PackClassified"),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="ResizeCenterCropUint8", short_side=96, size=96),
            dict(type="PackClassified"),
        ]
    )
)
test_dataloader = val_dataloader
