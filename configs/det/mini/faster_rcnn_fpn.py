"""Faster R-CNN with FPN on MiniWorld.

mim train mmdet configs/det/mini/faster_rcnn_fpn.py
Expected: see the table in README.md (written by `tricklift demo`); protocol as below.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_fpn_light.py",
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
    rpn_head=dict(anchor_generator=dict(scales=[5, 7])),
    roi_head=dict(bbox_head=dict(num_classes=12)),
)
