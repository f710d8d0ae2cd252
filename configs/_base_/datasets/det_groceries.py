"""Freiburg Groceries in VOC layout, 224 px: 1,500 training images, 1,014 for test, 25 classes."""

_base_ = "det_voc_folder.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/freiburg_groceries"
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(224, 224), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(224, 224), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),  # after Resize: boxes stay in image pixels
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]
train_dataloader = dict(
    dataset=dict(type="GroceriesDataset", data_root=data_root, pipeline=train_pipeline)
)
val_dataloader = dict(
    batch_size=8,
    dataset=dict(type="GroceriesDataset", data_root=data_root, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
