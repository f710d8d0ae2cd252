"""CamVid in ADE20K layout: 468 images for training, 233 for validation, 11 classes."""

_base_ = "seg_folders.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/camvid"
crop_size = (240, 240)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="RandomResize", scale=(480, 360), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomBlur", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(480, 360), keep_ratio=True),
    dict(type="LoadAnnotations"),  # after Resize: in image pixels
    dict(type="PackSegInputs"),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(type="CamVidDataset", data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(type="CamVidDataset", data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
