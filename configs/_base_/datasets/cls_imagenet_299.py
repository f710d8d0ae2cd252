"""ImageNet-1k at 299 px for Inception-V3; validation keeps the 224 px sets' ratio of 7 to 8.

Source: arXiv:1812.01187, section 2.1, for 299; the short side of 342 (299 / 0.875, rounded up) is
that of the authors' code, the paper gives none for this size.
"""

_base_ = "cls_imagenet.py"
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="DecodeRandomResizedCrop", size=299),
            dict(type="PackClassified"),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="ResizeCenterCropUint8", short_side=342, size=299),
            dict(type="PackClassified"),
        ]
    )
)
test_dataloader = val_dataloader
