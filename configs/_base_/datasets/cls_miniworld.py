"""MiniWorld's classification set at 64 px."""

_base_ = "cls_64px.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/miniworld/imagenet"
train_dataloader = dict(dataset=dict(data_root=data_root + "/train", num_classes=12))
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=12))
test_dataloader = val_dataloader
