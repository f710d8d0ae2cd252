"""Faster R-CNN with C4 head (the paper's) on BCCD, short side 320.

mim train mmdet configs/det/cifar10/faster_rcnn_c4.py
Expected: no row; the tier's table has the FPN head, this one is for runs of your own.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_c4_light.py",
    "../../_base_/datasets/det_bccd.py",
    "../../_base_/schedules/det_cifar10.py",
]
benchmark = dict(
    task="det",
    tier="cifar10",
    dataset="BCCD",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[1, 2, 4, 8])),
    roi_head=dict(bbox_head=dict(num_classes=3)),
)
