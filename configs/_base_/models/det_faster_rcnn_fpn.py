"""mmdet's Faster R-CNN with FPN on a backbone of ours; in_channels follow from the backbone."""

_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"
model = dict(
    type="TrickFasterRCNN",
    data_preprocessor=dict(mean=[123.68, 116.779, 103.939], std=[58.393, 57.12, 57.375]),
    backbone=dict(
        _delete_=True,
        type="TrickBackbone",
        name="resnet50_b",
        checkpoint=None,
        out_indices=(0, 1, 2, 3),
        frozen_stages=-1,
        norm_eval=False,
    ),
    neck=dict(in_channels=None),
)
