"""Faster R-CNN with C4 head for small images on a CPU: 16 RoIs an image, RoIAlign 8x8.

At stride 16 an object of these images covers 2 to 6 cells, which 14x14 samples would only repeat.
"""

_base_ = "det_faster_rcnn_c4.py"
model = dict(
    backbone=dict(name="resnet18_b", channels_last=True),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(output_size=8, sampling_ratio=2)),
        bbox_head=dict(roi_feat_size=4),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=500, max_per_img=200), rcnn=dict(sampler=dict(num=16))
    ),
    test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=50)),
)
