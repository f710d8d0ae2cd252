"""Faster R-CNN with C4 head on VOC07+12, on the backbone of row "+ distill w/o mixup" (Table 8).

mim train mmdet configs/det/full/faster_rcnn_c4-d-distill.py --gpus 8 --launcher pytorch
(1 image on each of 8 GPUs; about 18 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet50_d-distill.safetensors, of the cls/full leaf of that name.
Expected: mAP 80.96 (arXiv:1812.01187, Table 8). Not run here: needs GPUs.
"""

_base_ = ["faster_rcnn_c4.py"]

model = dict(
    backbone=dict(
        name="resnet50_d",
        checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet50_d-distill.safetensors",
    )
)
