"""Any backbone of ours as a backbone for mmdet and mmseg, registered once at mmengine's root.

The one file of this folder that knows mmengine. Import it in a config:
``custom_imports = dict(imports=['backbones.wrapper'])``.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.model.weight_init import update_init_info
from mmengine.registry import MODELS
from torch import Tensor, nn

from backbones.checkpoint import added_keys, load_pretrained, pretrained
from backbones.features import Backbone
from backbones.freeze import freeze, freeze_gammas, norms_to_eval
from backbones.registry import build
from tricklift.errors import UserError

#: Keys of a config's ``backbone`` that are no options of the network.
OF_PARTS = (
    *("checkpoint", "weights_from", "norm_eval", "norm_frozen", "channels_last", "init_cfg"),
)
SETTINGS = {"type", "name", "out_indices", "frozen_stages", *OF_PARTS}


def network_of(backbone: Mapping[str, Any], built: Backbone | None = None) -> Backbone:
    """The network that a config's ``backbone=dict(name=..., ...)`` describes.

    Raises:
        UserError: No or an unknown name, an option that it does not allow, or `built`, which is
            taken where it is given, is another network.
    """
    name = backbone.get("name")
    if name is None:
        raise UserError(
            "model.backbone has no name; set model.backbone.name, e.g. 'resnet18_b' "
            "(`tricklift list backbones` lists all)"
        )
    options = {key: value for key, value in backbone.items() if key not in SETTINGS}
    if built is None:
        return build(name, num_classes=1, **options)
    if (built.name, built.options) != (name, options):
        raise UserError(
            f"{name} with {options} is not the network of model.backbone, {built.name} with "
            f"{built.options}; leave its name and options out, they are filled in from there"
        )
    return built


class _Part(BaseModule):
    """A network or a stage of one: its memory format, what keeps still in training, loading once.

    Args:
        where: The attribute that holds it.
        part: The module.
        frozen: The modules of it that are not trained at all.
        checkpoint: The pretrained weights of the whole backbone, see
            `backbones.checkpoint.load_pretrained`; None is random. `init_weights` loads them, so
            training needs the file and testing does not.
        weights_from: Which weights of somebody else's file that holds several.
        norm_eval: Batch norm uses and keeps its running statistics in training.
        norm_frozen: Gamma and beta of batch norm are not trained.
        channels_last: Keep weights and features in channels-last memory format.
        init_cfg: mmengine's initialisation instead of the backbone's own (``init``).
    """

    def __init__(
        self,
        where: str,
        part: nn.Module,
        frozen: list[nn.Module],
        checkpoint: str | None = None,
        weights_from: str | None = None,
        norm_eval: bool = False,
        norm_frozen: bool = False,
        channels_last: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        for entry in init_cfg if isinstance(init_cfg, list | tuple) else [init_cfg]:
            if entry and "Pretrained" in str(entry.get("type")):
                raise UserError(
                    f"init_cfg={init_cfg} would skip keys that do not fit without a word; "
                    "set checkpoint=FILE instead, which checks every key"
                )
        super().__init__(init_cfg)
        setattr(self, where, part.to(memory_format=torch.channels_last) if channels_last else part)
        self.frozen = frozen
        self.checkpoint = checkpoint
        self.weights_from = weights_from
        self.norm_eval = norm_eval
        self.norm_frozen = norm_frozen
        self.channels_last = channels_last
        self.train()

    def init_weights(self) -> None:
        """Run mmengine's initialisation, then load `checkpoint`; a second call does nothing."""
        if not self.is_init:
            super().init_weights()
            if self.checkpoint is not None:
                self._load(self.checkpoint)
            where = f"loaded from {self.checkpoint}" if self.checkpoint else "as the network starts"
            if hasattr(self, "_params_init_info"):  # else it would say that nothing was loaded
                update_init_info(self, init_info=where)

    def _load(self, checkpoint: str) -> None:
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """Switch the mode, but keep still what is frozen."""
        super().train(mode)
        for module in self.frozen:
            freeze(module)
        if self.norm_eval:
            norms_to_eval(self)
        if self.norm_frozen:
            freeze_gammas(self)
        return self

    def _laid_out(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if self.channels_last else x


@MODELS.register_module()
class TrickBackbone(_Part):
    """A backbone by name, handing on the features of chosen stages.

    Args:
        name: A name from `backbones.names`.
        out_indices: The stages to hand on, counted from 0; stages behind the last one are dropped.
        frozen_stages: -1 freezes nothing, 0 the stem, 1 the first stage too, and so on.
        network: The network, where it is built already (`network_of`).
        **settings: ``checkpoint``, ``weights_from``, ``norm_eval``, ``norm_frozen``,
            ``channels_last`` and ``init_cfg`` of `_Part`, and the backbone's options, such as
            ``output_stride``.

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
        network: Backbone | None = None,
        **settings: Any,
    ) -> None:
        net = network_of({"name": name, **settings}, network)
        count = len(net.feature_info.channels)
        if not out_indices or not all(0 <= i < count for i in out_indices):
            raise UserError(
                f"out_indices must be stages from 0 to {count - 1} of {name}; got {out_indices}"
            )
        net.keep_until(max(out_indices))
        super().__init__("net", net, net.frozen_parts(frozen_stages), **_of_parts(settings))
        self.feature_info = net.feature_info
        self.trained_with: dict[str, str] = {}
        self.out_indices = tuple(out_indices)

    def _load(self, checkpoint: str) -> None:
        loaded = load_pretrained(self.net, checkpoint, self.weights_from)
        self.trained_with = {"source": loaded.source, **loaded.metadata}
        if said := self.trained_with.pop("said", None):
            print_log(f"pretrained weights: {checkpoint}: {said}", logger="current")

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to the chosen stages' maps ``(N, C_i, H/s_i, W/s_i)``."""
        features = self.net.forward_features(self._laid_out(x))
        return tuple(features[i] for i in self.out_indices)


@MODELS.register_module()
class TrickStage(_Part):
    """One stage of a backbone on its own, e.g. the last as the box head of Faster R-CNN C4.

    Args:
        name: A name from `backbones.names`.
        stage: Which stage, counted from 0.
        frozen: No training of this stage at all.
        network: The network, where it is built already and has all its stages.
        **settings: As of `TrickBackbone`.

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
        frozen: bool = False,
        network: Backbone | None = None,
        **settings: Any,
    ) -> None:
        net = network_of({"name": name, **settings}, network)
        channels = net.feature_info.channels
        if not 1 <= stage < len(channels):
            raise UserError(f"stage must be from 1 to {len(channels) - 1} of {name}; got {stage}")
        part = net.stage(stage)
        super().__init__("stage", part, [part] if frozen else [], **_of_parts(settings))
        self.in_channels, self.out_channels = channels[stage - 1], channels[stage]
        self.name, self.options = net.name, net.options
        self.prefix = net.stage_prefix(stage)

    def _load(self, checkpoint: str) -> None:
        state = pretrained(self.name, checkpoint, self.weights_from, **self.options).state
        at = len(self.prefix)
        part = {k[at:]: v for k, v in state.items() if k.startswith(self.prefix)}
        left = self.stage.load_state_dict(part, strict=False)
        assert added_keys(self.stage).issuperset(left.missing_keys), "checked before"

    def forward(self, x: Tensor) -> Tensor:
        """Map a feature map ``(N, in_channels, H, W)`` to ``(N, out_channels, H/s, W/s)``."""
        return self.stage(self._laid_out(x))


def _of_parts(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in OF_PARTS if key in settings}
