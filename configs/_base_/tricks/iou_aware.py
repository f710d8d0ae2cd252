"""The box head predicts the IoU of its boxes: score = cls^a * iou^(1-a), a = iou_alpha.

Source: arXiv:1912.05992, adapted to a two-stage head (see `det.iou_aware`).
"""

from tricklift.errors import UserError

tasks = ("det",)
_head = base.model.roi_head.bbox_head.type.removeprefix("IoUAware")
if _head not in ("BBoxHead", "Shared2FCBBoxHead"):
    raise UserError(
        f"trick 'iou_aware' knows the box heads BBoxHead and Shared2FCBBoxHead, not {_head}; "
        "register a class of det.iou_aware.IoUAware and that head, and name it in the config"
    )
model = dict(roi_head=dict(bbox_head=dict(type="IoUAware" + _head, iou_alpha=0.5)))
