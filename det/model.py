"""Faster R-CNN on any backbone of ours: channel counts follow from ``model.backbone.name``."""

from collections.abc import Mapping
from typing import Any

from mmdet.models import FasterRCNN
from mmdet.registry import MODELS

from backbones.config import filled
from backbones.features import Backbone
from backbones.normalisation import refuse_other
from backbones.wrapper import network_of
from tricklift.errors import UserError

#: What a C4 box head takes over from the backbone.
SHARED = ("name", "checkpoint", "weights_from", "norm_eval", "norm_frozen", "channels_last")


@MODELS.register_module()
class TrickFasterRCNN(FasterRCNN):
    """mmdet's Faster R-CNN that fills in what follows from the backbone.

    With a neck (FPN): ``neck.in_channels``. Without one (C4): the RPN's and the RoI extractor's
    channels and stride from the backbone's last map, and ``roi_head.shared_head``, a `TrickStage`,
    becomes the stage behind it, of the same backbone with the same checkpoint and the same norms;
    ``bbox_head.in_channels`` are that stage's channels.

    Args:
        backbone: ``dict(type='TrickBackbone', name=..., checkpoint=..., ...)``.
        rpn_head: As in mmdet.
        roi_head: As in mmdet.
        neck: As in mmdet, or None for C4.
        **kwargs: Of `mmdet.models.FasterRCNN`.

    Raises:
        UserError: An unknown backbone, a channel count that contradicts it, or no stage left for
            the C4 head.

    Source: Ren et al., arXiv:1506.01497; C4 as in He et al., arXiv:1512.03385, appendix A; FPN Lin
    et al., arXiv:1612.03144.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        rpn_head: Mapping[str, Any],
        roi_head: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        network = network_of(backbone)
        if neck is not None:
            channels = network.feature_info.channels
            used = [channels[i] for i in backbone.get("out_indices", range(len(channels)))]
            neck = filled(neck, "neck", in_channels=used)
        else:
            last = _last_stage(backbone)
            rpn_head = _rpn_on_last_map(network, last, rpn_head)
            roi_head = _next_stage_as_box_head(network, last, backbone, roi_head)
        super().__init__(
            backbone={**backbone, "network": network},
            neck=neck,
            rpn_head=rpn_head,
            roi_head=roi_head,
            **kwargs,
        )

    def init_weights(self) -> None:
        """Initialise and load the checkpoint.

        Raises:
            UserError: It was trained with another normalisation than `data_preprocessor` does.
        """
        super().init_weights()
        refuse_other(getattr(self.backbone, "trained_with", {}), self.data_preprocessor)


def _last_stage(backbone: Mapping[str, Any]) -> int:
    out_indices = tuple(backbone.get("out_indices", ()))
    if len(out_indices) != 1 or not 0 <= out_indices[0] <= 2:
        raise UserError(
            f"model.backbone.out_indices is {out_indices}, but without a neck the box head is the "
            "next stage; set one stage from (0,) to (2,), for C4 (2,), or add an FPN neck"
        )
    return int(out_indices[0])


def _rpn_on_last_map(network: Backbone, last: int, head: Mapping[str, Any]) -> dict[str, Any]:
    channels, strides = network.feature_info.channels, network.feature_info.strides
    anchors = filled(head["anchor_generator"], "rpn_head.anchor_generator", strides=[strides[last]])
    head = filled(head, "rpn_head", in_channels=channels[last])
    feat_channels = head.get("feat_channels") or channels[last]
    return {**head, "feat_channels": feat_channels, "anchor_generator": anchors}


def _next_stage_as_box_head(
    network: Backbone, last: int, backbone: Mapping[str, Any], head: Mapping[str, Any]
) -> dict[str, Any]:
    """The RoI head on map `last` with the stage behind it, of the same network, as its box head."""
    channels, strides = network.feature_info.channels, network.feature_info.strides
    shared = {key: backbone[key] for key in SHARED if key in backbone} | network.options
    stage = filled(head["shared_head"], "roi_head.shared_head", stage=last + 1, **shared)
    built = MODELS.build({**stage, "network": network})  # before the backbone drops the stage
    extractor = filled(
        head["bbox_roi_extractor"],
        "roi_head.bbox_roi_extractor",
        out_channels=channels[last],
        featmap_strides=[strides[last]],
    )
    return {
        **head,
        "shared_head": {"type": lambda: built},
        "bbox_roi_extractor": extractor,
        "bbox_head": filled(
            head["bbox_head"], "roi_head.bbox_head", in_channels=channels[last + 1]
        ),
    }
