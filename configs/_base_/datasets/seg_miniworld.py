"""MiniWorld in ADE20K layout: 400 images for training, 120 for validation, 17 classes."""

_base_ = "seg_folders.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/miniworld/ade"
crop_size = (128, 128)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="RandomResize", scale=(128, 128), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 128), keep_ratio=True),
    dict(type="LoadAnnotations"),  # after Resize: in image pixels
    dict(type="PackSegInputs"),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(type="MiniWorldSegDataset", data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(type="MiniWorldSegDataset", data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
