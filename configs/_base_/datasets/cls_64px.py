"""Images at 64 px, 64 a step, with one worker: what small sets share."""

_base_ = "cls_folders.py"
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    dataset=dict(
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="RandomResizedCropUint8", size=64, scale=(0.5, 1.0)),
            dict(type="PackClassified"),
        ],
    ),
)
val_dataloader = dict(
    batch_size=250,
    num_workers=1,
    dataset=dict(
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="ResizeCenterCropUint8", short_side=64, size=64),
            dict(type="PackClassified"),
        ],
    ),
)
test_dataloader = val_dataloader
