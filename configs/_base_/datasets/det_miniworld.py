"""MiniWorld in VOC layout: 400 images for training, 150 for test, 12 classes."""

_base_ = "det_voc_folder.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/miniworld/VOCdevkit/VOC2007"
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(160, 160), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(160, 160), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),  # after Resize: boxes stay in image pixels
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]
train_dataloader = dict(
    dataset=dict(type="MiniWorldDetDataset", data_root=data_root, pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(type="MiniWorldDetDataset", data_root=data_root, pipeline=test_pipeline)
)
test_dataloader = val_dataloader
