"""ImageNet-1k in ImageFolder layout: 256 images a step (32 on each of 8 GPUs)."""

data_root = "{{$TRICKLIFT_ROOT:data}}/imagenet"
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="ClassFolders",
        data_root=data_root + "/train",
        num_classes=1000,
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="RandomResizedCropUint8", size=224),
            dict(type="PackClassified"),
        ],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="ClassFolders",
        data_root=data_root + "/val",
        num_classes=1000,
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="ResizeCenterCropUint8", short_side=256, size=224),
            dict(type="PackClassified"),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="TopKAccuracy")
test_evaluator = val_evaluator
