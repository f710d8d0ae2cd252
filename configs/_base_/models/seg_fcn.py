"""FCN on a backbone of ours with output stride 8, and an auxiliary head on stage 3.

Head as in the paper's code: 3x3 to C/4, BN, ReLU, dropout 0.1, 1x1; auxiliary weight 0.5. In
training over several GPUs `sync_bn='torch'` synchronises all norms, those of the backbone too.
"""

model = dict(
    type="TrickEncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[123.68, 116.779, 103.939],
        std=[58.393, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="TrickBackbone",
        name="resnet50_b",
        checkpoint=None,
        out_indices=(0, 1, 2, 3),
        output_stride=8,
        frozen_stages=-1,
        norm_eval=False,
    ),
    decode_head=dict(
        type="FCNHead",
        in_index=3,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=150,
        norm_cfg=dict(type="BN"),
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=1.0),
    ),
    auxiliary_head=dict(
        type="FCNHead",
        in_index=2,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=150,
        norm_cfg=dict(type="BN"),
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=0.5),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
sync_bn = "torch"
