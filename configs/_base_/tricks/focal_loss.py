"""Sigmoid focal loss for the classes in the box head. Source: arXiv:1708.02002, equation (5)."""

tasks = ("det",)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            loss_cls=dict(
                _delete_=True,
                type="RoIFocalLoss",
                gamma=2.0,
                alpha=0.25,
                prior=0.01,
                loss_weight=1.0,
            )
        )
    )
)
