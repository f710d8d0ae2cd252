"""Faster R-CNN with C4 head on boxes of one's own, in VOC or COCO layout.

tricklift train det/own/faster_rcnn_c4 --data DIR
Sizes, lengths and classes come from the data; what stands here holds the place.
"""

_base_ = [
    "../../_base_/runtime_det.py",
    "../../_base_/models/det_faster_rcnn_c4_light.py",
    "../../_base_/datasets/det_bccd.py",
    "../../_base_/schedules/det_small.py",
]
data_root = "{{$TRICKLIFT_ROOT:data}}/own-boxes"
train_dataloader = dict(
    dataset=dict(type="CheckedXMLDataset", data_root=data_root, metainfo=dict(classes=("object",)))
)
val_dataloader = train_dataloader
test_dataloader = val_dataloader
benchmark = dict(
    task="det",
    tier="own",
    dataset="own",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
model = dict(roi_head=dict(bbox_head=dict(num_classes=1)))
