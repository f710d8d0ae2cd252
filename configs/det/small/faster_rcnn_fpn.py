"""Faster R-CNN with FPN on BCCD, short side 320.

mim train mmdet configs/det/small/faster_rcnn_fpn.py
Expected: see docs/results/small.md; about 8 minutes on one core.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_fpn_light.py",
    "../../_base_/datasets/det_bccd.py",
    "../../_base_/schedules/det_small.py",
]
benchmark = dict(
    task="det",
    tier="small",
    dataset="BCCD",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[4, 6])),
    roi_head=dict(bbox_head=dict(num_classes=3)),
)
