"""GIoU loss between decoded boxes, in the place of L1 between their offsets, in the box head.

Source: Rezatofighi et al., arXiv:1902.09630, weight as in mmdet's Faster R-CNN config.
"""

tasks = ("det",)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            reg_decoded_bbox=True,
            loss_bbox=dict(_delete_=True, type="GIoULoss", loss_weight=10.0),
        )
    )
)
