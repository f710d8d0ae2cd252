"""Faster R-CNN with FPN on VOC07+12, as mmdet publishes it.

mim train mmdet configs/det/full/faster_rcnn_fpn.py
Expected: not run. mmdet's own R50-FPN: 80.4 mAP (it hides boxes under 32 pixels in training).
About 7 GPU-hours.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_fpn.py",
    "../../_base_/datasets/det_voc0712.py",
    "../../_base_/schedules/det_voc_fpn.py",
]
benchmark = dict(
    task="det",
    tier="full",
    dataset="VOC07+12",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(
    backbone=dict(norm_eval=True, frozen_stages=1),
    roi_head=dict(bbox_head=dict(num_classes=20)),
)
