"""CIFAR-10 as JPEG files, 32 px resized to 64.

Crops of at least 80 % of the image: in so few epochs the rows fit too little, not too much.
"""

_base_ = "cls_64px.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/cifar10"
train_dataloader = dict(
    dataset=dict(
        data_root=data_root + "/train",
        num_classes=10,
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="RandomResizedCropUint8", size=64, scale=(0.8, 1.0)),
            dict(type="PackClassified"),
        ],
    )
)
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=10))
test_dataloader = val_dataloader
