"""DIoU loss between decoded boxes, in the place of L1 between their offsets, in the box head.

Source: Zheng et al., arXiv:1911.08287, weight as in its authors' Faster R-CNN.
"""

tasks = ("det",)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            reg_decoded_bbox=True,
            loss_bbox=dict(_delete_=True, type="DIoULoss", loss_weight=12.0),
        )
    )
)
