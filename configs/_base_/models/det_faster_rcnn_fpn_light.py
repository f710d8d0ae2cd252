"""Faster R-CNN with FPN for small images on a CPU: half the channels, 64 RoIs an image."""

_base_ = "det_faster_rcnn_fpn.py"
model = dict(
    backbone=dict(name="resnet18_b"),
    neck=dict(out_channels=128),
    rpn_head=dict(in_channels=128, feat_channels=128),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=128),
        bbox_head=dict(in_channels=128, fc_out_channels=512),
    ),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),
)
