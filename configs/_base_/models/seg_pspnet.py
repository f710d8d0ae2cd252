"""PSPNet: `seg_fcn` with the pyramid pooling head (1, 2, 3, 6) in the place of FCN's."""

_base_ = "seg_fcn.py"
model = dict(
    decode_head=dict(
        _delete_=True,
        type="PSPHead",
        in_index=3,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        num_classes=150,
        norm_cfg=dict(type="BN"),
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=True, loss_weight=1.0),
    )
)
