"""Any backbone of ours as a backbone for mmdet and mmseg, registered once at mmengine's root.

The one file of this folder that knows mmengine. Import it in a config:
``custom_imports = dict(imports=['backbones.wrapper'])``.
"""

from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from backbones.checkpoint import added_keys, load_pretrained, pretrained
from backbones.features import drop_behind, one_stage
from backbones.freeze import freeze, freeze_gammas, frozen_modules, norms_to_eval
from backbones.registry import build
from tricklift.errors import UserError


def _refuse_pretrained_init(init_cfg: Any) -> None:
    entries = init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]
    if any(entry and "Pretrained" in str(entry.get("type")) for entry in entries):
        raise UserError(
            f"init_cfg={init_cfg} would skip keys that do not fit without a word; "
            "set checkpoint=FILE instead, which checks every key"
        )


@MODELS.register_module()
class TrickBackbone(BaseModule):
    """A backbone by name, handing on the features of chosen stages.

    Args:
        name: A name from `backbones.names`.
        out_indices: The stages to hand on, counted from 0; stages behind the last one are dropped.
        frozen_stages: -1 freezes nothing, 0 the stem, 1 the first stage too, and so on.
        norm_eval: Batch norm uses and keeps its running statistics in training.
        norm_frozen: Gamma and beta of batch norm are not trained.
        output_stride: Input pixels per pixel of the last stage.
        checkpoint: Pretrained weights, see `backbones.checkpoint.load_pretrained`; None is random.
            They are loaded by `init_weights`, so training needs the file and testing does not.
        init_cfg: mmengine's initialisation instead of the backbone's own (``init``).
        channels_last: Keep weights and features in channels-last memory format.
        **options: The backbone's other options.

    Attributes:
        feature_info: Channels and strides of all stages of the network, dropped ones too.
        trained_with: What is known of the weights loaded from `checkpoint` (their metadata).

    Raises:
        UserError: A name, option, index or checkpoint that does not fit.
    """

    def __init__(
        self,
        name: str,
        out_indices: tuple[int, ...] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        output_stride: int = 32,
        checkpoint: str | None = None,
        init_cfg: dict | list | None = None,
        channels_last: bool = False,
        norm_frozen: bool = False,
        **options: Any,
    ) -> None:
        _refuse_pretrained_init(init_cfg)
        super().__init__(init_cfg)
        net: Any = build(name, num_classes=1, output_stride=output_stride, **options)
        count = len(net.feature_info.channels)
        if not out_indices or not all(0 <= i < count for i in out_indices):
            raise UserError(
                f"out_indices must be stages from 0 to {count - 1} of {name}; got {out_indices}"
            )
        drop_behind(net, max(out_indices))
        self.net: Any = net
        self.feature_info = net.feature_info
        self.trained_with: dict[str, str] = {}
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.norm_frozen = norm_frozen
        self.checkpoint = checkpoint
        self.channels_last = channels_last
        if channels_last:
            self.net.to(memory_format=torch.channels_last)
        self.train()

    def init_weights(self) -> None:
        """Run mmengine's initialisation, then load `checkpoint`; a second call does nothing."""
        if self.is_init:
            return
        super().init_weights()
        if self.checkpoint is not None:
            loaded = load_pretrained(self.net, self.checkpoint)
            self.trained_with = {"source": loaded.source, **loaded.metadata}

    def train(self, mode: bool = True) -> "TrickBackbone":
        """Switch the mode, but keep still what is frozen."""
        super().train(mode)
        for module in frozen_modules(self.net, self.frozen_stages):
            freeze(module)
        if self.norm_eval:
            norms_to_eval(self.net)
        if self.norm_frozen:
            freeze_gammas(self.net)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to the chosen stages' maps ``(N, C_i, H/s_i, W/s_i)``."""
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        features = self.net.forward_features(x)
        return tuple(features[i] for i in self.out_indices)


@MODELS.register_module()
class TrickStage(BaseModule):
    """One stage of a backbone on its own, e.g. the last as the box head of Faster R-CNN C4.

    Args:
        name: A name from `backbones.names`.
        stage: Which stage, counted from 0.
        checkpoint: The pretrained weights of the whole backbone; see `TrickBackbone`.
        norm_eval: Batch norm uses and keeps its running statistics in training.
        norm_frozen: Gamma and beta of batch norm are not trained.
        frozen: No training of this stage at all.
        init_cfg: mmengine's initialisation instead of the backbone's own.
        channels_last: Keep weights and features in channels-last memory format.
        **options: The backbone's options.

    Attributes:
        in_channels: Channels of the input.
        out_channels: Channels of the output.

    Raises:
        UserError: A name, option, stage or checkpoint that does not fit.
    """

    def __init__(
        self,
        name: str,
        stage: int = 3,
        checkpoint: str | None = None,
        norm_eval: bool = False,
        frozen: bool = False,
        init_cfg: dict | list | None = None,
        channels_last: bool = False,
        norm_frozen: bool = False,
        **options: Any,
    ) -> None:
        _refuse_pretrained_init(init_cfg)
        super().__init__(init_cfg)
        net: Any = build(name, num_classes=1, **options)
        channels = net.feature_info.channels
        if not 1 <= stage < len(channels):
            raise UserError(f"stage must be from 1 to {len(channels) - 1} of {name}; got {stage}")
        self.stage: Any = one_stage(net, stage)
        self.in_channels, self.out_channels = channels[stage - 1], channels[stage]
        self.name, self.index, self.options = name, stage, options
        self.checkpoint = checkpoint
        self.norm_eval = norm_eval
        self.norm_frozen = norm_frozen
        self.frozen = frozen
        self.channels_last = channels_last
        if channels_last:
            self.stage.to(memory_format=torch.channels_last)
        self.train()

    def init_weights(self) -> None:
        """Run mmengine's initialisation, then load `checkpoint`; a second call does nothing."""
        if self.is_init:
            return
        super().init_weights()
        if self.checkpoint is not None:
            prefix = f"stages.{self.index}."
            state = pretrained(self.name, self.checkpoint, **self.options).state
            part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            left = self.stage.load_state_dict(part, strict=False)
            assert added_keys(self.stage).issuperset(left.missing_keys), "checked before"

    def train(self, mode: bool = True) -> "TrickStage":
        """Switch the mode, but keep still what is frozen."""
        super().train(mode)
        if self.frozen:
            freeze(self.stage)
        if self.norm_eval:
            norms_to_eval(self.stage)
        if self.norm_frozen:
            freeze_gammas(self.stage)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Map a feature map ``(N, in_channels, H, W)`` to ``(N, out_channels, H/s, W/s)``."""
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        return self.stage(x)
