"""Faster R-CNN with FPN on VOC07+12, on the backbone of row "+ mixup w/ distill" (beside Table 8).

mim train mmdet configs/det/full/faster_rcnn_fpn-d-mixup-distill.py --gpus 8 --launcher pytorch
(2 images on each of 8 GPUs; about 7 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet50_d-mixup-distill.safetensors, of the cls/full leaf of that name.
Expected: no row of the paper, an extension. Not run here: needs GPUs.
"""

_base_ = ["faster_rcnn_fpn.py"]

model = dict(
    backbone=dict(
        name="resnet50_d",
        checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet50_d-mixup-distill.safetensors",
    )
)
