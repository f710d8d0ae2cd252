"""CIoU loss between decoded boxes, in the place of L1 between their offsets, in the box head.

Source: Zheng et al., arXiv:1911.08287, weight as in mmdet's Faster R-CNN config.
"""

tasks = ("det",)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            reg_decoded_bbox=True,
            loss_bbox=dict(_delete_=True, type="CIoULoss", loss_weight=12.0),
        )
    )
)
