"""ResNet-18-B with the baseline recipe on class folders of one's own.

tricklift train cls/own --data DIR
Sizes, lengths and classes come from the data; what stands here holds the place.
"""

_base_ = [
    "../../_base_/runtime_cls.py",
    "../../_base_/models/cls_resnet18.py",
    "../../_base_/datasets/cls_64px.py",
    "../../_base_/schedules/cls_small.py",
]
data_root = "{{$TRICKLIFT_ROOT:data}}/own-classes"
train_dataloader = dict(dataset=dict(data_root=data_root + "/train"))
val_dataloader = dict(dataset=dict(data_root=data_root + "/val"))
test_dataloader = val_dataloader
row = "B-standard"
tricks = []
benchmark = dict(task="cls", tier="own", dataset="own", protocol="top-1, centre crop 64")
