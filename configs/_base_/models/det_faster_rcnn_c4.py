"""Faster R-CNN with C4 head on a backbone of ours: the box head is its last stage.

The RPN stands on stride 16, RoIAlign gives 14x14, and stage 4 with the same checkpoint and norm
settings is the box head; `TrickFasterRCNN` fills in its name, checkpoint and all channels.
"""

_base_ = "mmdet::_base_/models/faster-rcnn_r50-caffe-c4.py"
model = dict(
    type="TrickFasterRCNN",
    data_preprocessor=dict(
        mean=[123.68, 116.779, 103.939], std=[58.393, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(
        _delete_=True,
        type="TrickBackbone",
        name="resnet50_b",
        checkpoint=None,
        out_indices=(2,),
        frozen_stages=-1,
        norm_eval=False,
    ),
    rpn_head=dict(in_channels=None, feat_channels=None),
    roi_head=dict(
        shared_head=dict(_delete_=True, type="TrickStage"),
        bbox_roi_extractor=dict(out_channels=None),
        bbox_head=dict(in_channels=None),
    ),
)
