"""Tiny ImageNet at its own 64 px: 100 classes, of each the first 250 of its 500 training images.

The other 250 are for pilots: a schedule is chosen on them, never on the 5,000 validation images
that are reported. With 250 images a class the plain recipe overfits, which smoothing, mixup and
distillation are made for. All images are decoded once.
"""

_base_ = "cls_64px.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/tiny-imagenet-100"
train_dataloader = dict(
    dataset=dict(
        data_root=data_root + "/train",
        num_classes=100,
        per_class=(0, 250),
        in_memory=True,
        pipeline=[
            dict(type="DecodeImage"),
            dict(type="RandomResizedCropUint8", size=64, scale=(0.6, 1.0)),
            dict(type="PackClassified"),
        ],
    )
)
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=100, in_memory=True))
test_dataloader = val_dataloader
