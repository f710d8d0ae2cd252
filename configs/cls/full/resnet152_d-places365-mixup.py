"""ResNet-152-D as teacher on Places365, with mixup as its student has.

mim train tricklift configs/cls/full/resnet152_d-places365-mixup.py --gpus 8 --launcher pytorch
(128 images on each of 8 GPUs; about 500 GPU-hours, see `tricklift paper rows`.)
Expected: the paper gives no figure for its teachers. Not run here: needs GPUs.
"""

_base_ = ["resnet152_d-mixup.py"]

data_root = "{{$TRICKLIFT_ROOT:data}}/places365"
model = dict(num_classes=365)
train_dataloader = dict(dataset=dict(data_root=data_root + "/train", num_classes=365))
val_dataloader = dict(dataset=dict(data_root=data_root + "/val", num_classes=365))
test_dataloader = val_dataloader
benchmark = dict(dataset="Places365")
row = "Places365 teacher"
