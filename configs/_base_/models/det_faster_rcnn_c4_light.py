"""Faster R-CNN with C4 head for small images on a CPU: 64 RoIs an image, 100 at test."""

_base_ = "det_faster_rcnn_c4.py"
model = dict(
    backbone=dict(name="resnet18_b"),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64)), rpn_proposal=dict(max_per_img=300)),
    test_cfg=dict(rpn=dict(max_per_img=100)),
)
