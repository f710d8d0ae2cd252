"""Faster R-CNN with C4 head on VOC07+12, on the backbone of row "B-standard" (Table 8).

mim train mmdet configs/det/full/faster_rcnn_c4-b-standard.py --gpus 8 --launcher pytorch
(1 image on each of 8 GPUs; about 18 GPU-hours, see `tricklift paper rows`.)
Needs exports/resnet50_b-standard.safetensors, of the cls/full leaf of that name.
Expected: mAP 77.54 (arXiv:1812.01187, Table 8). Not run here: needs GPUs.
"""

_base_ = ["faster_rcnn_c4.py"]

model = dict(
    backbone=dict(
        name="resnet50_b",
        checkpoint="{{$TRICKLIFT_EXPORTS:exports}}/resnet50_b-standard.safetensors",
    )
)
