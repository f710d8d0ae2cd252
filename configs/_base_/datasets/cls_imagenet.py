"""ImageNet-1k at 224 px: 256 images a step (32 on each of 8 GPUs)."""

_base_ = "cls_folders.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/imagenet"
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    dataset=dict(
        data_root=data_root + "/train",
        num_classes=1000,
        pipeline=[
            dict(type="DecodeRandomResizedCrop", size=224),
            dict(type="PackClassified"),
        ],
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    dataset=dict(
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
