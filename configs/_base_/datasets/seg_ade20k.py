"""ADE20K: 20,210 images for training, 2,000 for validation, 150 classes; base 520, crop 480."""

_base_ = "seg_folders.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/ade/ADEChallengeData2016"
crop_size = (480, 480)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="RandomResize", scale=(2080, 520), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=crop_size),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomBlur", prob=0.5),
    dict(type="PackSegInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(2080, 520), keep_ratio=True),
    dict(type="LoadAnnotations"),  # after Resize: in image pixels
    dict(type="PackSegInputs"),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    dataset=dict(type="CheckedADE20KDataset", data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=4,
    dataset=dict(type="CheckedADE20KDataset", data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
