"""CIFAR-10 as JPEG files, 32 px resized to 64."""

_base_ = "cls_64px.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/cifar10"
train_dataloader = dict(dataset=dict(data_root=data_root + "/train", num_classes=10))
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=10))
test_dataloader = val_dataloader
