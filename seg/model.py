"""FCN and PSPNet on any backbone of ours: channel counts follow from ``model.backbone.name``."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS

from backbones.config import filled
from backbones.normalisation import refuse_other
from backbones.wrapper import network_of
from tricklift.errors import UserError

Head = Mapping[str, Any]


@MODELS.register_module()
class TrickEncoderDecoder(EncoderDecoder):
    """mmseg's EncoderDecoder that fills in what follows from the backbone.

    Of each head without a neck before it: ``in_channels``, and ``channels`` = in_channels / 4 where
    the config leaves it out (the paper's FCN head: a 3x3 convolution to C/4).

    Args:
        backbone: ``dict(type='TrickBackbone', name=..., checkpoint=..., ...)``.
        decode_head: As in mmseg.
        auxiliary_head: As in mmseg: None, one head or a list.
        neck: As in mmseg; with a neck the heads are left as they are.
        **kwargs: Of `mmseg.models.EncoderDecoder`.

    Raises:
        UserError: An unknown backbone, or a channel count that contradicts it.

    Source: Long et al., arXiv:1411.4038 (FCN); Zhao et al., arXiv:1612.01105 (PSPNet).
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        decode_head: Head,
        auxiliary_head: Head | Sequence[Head] | None = None,
        neck: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        network = network_of(backbone)
        if neck is None:
            channels = network.feature_info.channels
            stages = tuple(backbone.get("out_indices", range(len(channels))))
            maps = {stage: channels[stage] for stage in stages}
            decode_head = _filled_head(maps, decode_head, "decode_head")
            if isinstance(auxiliary_head, Mapping):
                auxiliary_head = _filled_head(maps, auxiliary_head, "auxiliary_head")
            elif auxiliary_head is not None:
                auxiliary_head = [
                    _filled_head(maps, head, f"auxiliary_head[{i}]")
                    for i, head in enumerate(auxiliary_head)
                ]
        super().__init__(
            backbone={**backbone, "network": network},
            decode_head=decode_head,
            auxiliary_head=auxiliary_head,
            neck=neck,
            **kwargs,
        )

    def init_weights(self) -> None:
        """Initialise and load the checkpoint.

        Raises:
            UserError: It was trained with another normalisation than `data_preprocessor` does.
        """
        super().init_weights()
        refuse_other(getattr(self.backbone, "trained_with", {}), self.data_preprocessor)


def _filled_head(maps: Mapping[int, int], head: Head, where: str) -> dict[str, Any]:
    """A head on one of the `maps`, stage -> channels."""
    stages, index = tuple(maps), head.get("in_index", -1)
    if not -len(stages) <= index < len(stages):
        raise UserError(
            f"model.{where}.in_index is {index}, but model.backbone.out_indices={stages} has "
            f"{len(stages)} maps; correct one of the two"
        )
    in_channels = maps[stages[index]]
    result = filled(head, where, in_channels=in_channels)
    result["channels"] = result.get("channels") or in_channels // 4
    return result
