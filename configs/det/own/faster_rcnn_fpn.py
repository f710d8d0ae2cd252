"""Faster R-CNN with FPN on boxes of one's own, in VOC or COCO layout.

tricklift train det/own --data DIR
Sizes, lengths and classes come from the data; what stands here holds the place.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_fpn_light.py",
    "../../_base_/datasets/det_own.py",
    "../../_base_/schedules/det_small.py",
]
model = dict(roi_head=dict(bbox_head=dict(num_classes=1)))
