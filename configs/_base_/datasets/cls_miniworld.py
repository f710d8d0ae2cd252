"""MiniWorld's classification set at 64 px; 64 images a step."""

data_root = "{{$TRICKLIFT_ROOT:data}}/miniworld/imagenet"
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="ClassFolders",
        data_root=data_root + "/train",
        num_classes=12,
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
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="ClassFolders",
        data_root=data_root + "/val",
        num_classes=12,
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="ResizeCenterCropUint8", short_side=64, size=64),
            dict(type="PackClassified"),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="TopKAccuracy")
test_evaluator = val_evaluator
