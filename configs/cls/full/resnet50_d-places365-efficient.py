"""ResNet-50-D with the efficient recipe on Places365 (Table 7).

mim train tricklift configs/cls/full/resnet50_d-places365-efficient.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 110 GPU-hours, see `tricklift paper rows`.)
Expected: val top-1 56.34 (arXiv:1812.01187, Table 7). Not run here: needs GPUs.
"""

_base_ = ["resnet50_d-efficient.py"]

data_root = "{{$TRICKLIFT_ROOT:data}}/places365"
model = dict(num_classes=365)
train_dataloader = dict(dataset=dict(data_root=data_root + "/train", num_classes=365))
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=365))
test_dataloader = val_dataloader
benchmark = dict(dataset="Places365")
row = "Places365 efficient"
