"""Faster R-CNN with C4 head (the paper's) on MiniWorld.

mim train mmdet configs/det/mini/faster_rcnn_c4.py
Expected: not in the demo's table; about 2 minutes on 2 cores.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_c4_light.py",
    "../../_base_/datasets/det_miniworld.py",
    "../../_base_/schedules/det_mini.py",
]
benchmark = dict(
    task="det",
    tier="mini",
    dataset="MiniWorld",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[1.5, 2.5, 4])),
    roi_head=dict(bbox_head=dict(num_classes=12)),
)
