"""Faster R-CNN with C4 head on VOC07+12, the paper's recipe: no norm is trained.

mim train mmdet configs/det/full/faster_rcnn_c4.py
Expected: not run. Rows of Table 8 (77.54 to 81.33): faster_rcnn_c4-*.py. About 18 GPU-hours.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_c4.py",
    "../../_base_/datasets/det_voc0712.py",
    "../../_base_/schedules/det_voc_c4.py",
]
benchmark = dict(
    task="det",
    tier="full",
    dataset="VOC07+12",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(
    backbone=dict(norm_eval=True, norm_frozen=True, frozen_stages=1),
    roi_head=dict(bbox_head=dict(num_classes=20)),
    train_cfg=dict(rcnn=dict(sampler=dict(num=128))),
    test_cfg=dict(rpn=dict(max_per_img=300), rcnn=dict(nms=dict(iou_threshold=0.3))),
)
train_dataloader = dict(batch_size=1)
