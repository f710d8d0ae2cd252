"""A network of timm that cannot be cut into stages in a row: timm runs it and gives its maps."""

from collections.abc import Sequence
from typing import Any, NoReturn

from torch import Tensor, nn
from torch.nn.functional import pad

from backbones.features import Backbone, FeatureInfo
from tricklift.errors import UserError


class WholeNet(Backbone):
    """timm's network with its classifier taken out, which stands beside it as ``fc``.

    Args:
        body: timm's network, with an identity in the place of its classifier.
        fc: The classifier.
        feature_info: Channels and strides of the maps.
        indices: Which of timm's maps these are.
        multiple: Sides of images that the body takes are multiples of it; others are filled up with
            zeros on the right and at the bottom.
    """

    def __init__(
        self,
        body: Any,
        fc: nn.Linear,
        feature_info: FeatureInfo,
        indices: Sequence[int],
        multiple: int = 1,
    ) -> None:
        super().__init__()
        self.multiple = multiple
        self.feature_info = feature_info
        self.indices = list(indices)
        self.body = body
        self.fc = fc

    def forward_features(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images ``(N, 3, H, W)`` to maps ``(N, C_i, H/s_i, W/s_i)``, sides rounded up."""
        maps = self.body.forward_intermediates(
            self._filled(x), indices=self.indices, intermediates_only=True
        )
        if self.multiple == 1:
            return tuple(maps)
        strides = self.feature_info.strides
        sides = [[-(-side // stride) for side in x.shape[2:]] for stride in strides]
        return tuple(f[:, :, :high, :wide] for f, (high, wide) in zip(maps, sides, strict=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(N, 3, H, W)`` to logits ``(N, num_classes)``."""
        return self.fc(self.body(self._filled(x)).flatten(1))

    def _filled(self, x: Tensor) -> Tensor:
        more = [-side % self.multiple for side in x.shape[2:]]
        return pad(x, (0, more[1], 0, more[0])) if any(more) else x

    def stage(self, index: int) -> NoReturn:
        raise UserError(
            f"{self.name} is run by timm as a whole, so no stage of it can be a box head (C4); "
            "use an FPN neck, or another backbone"
        )

    def keep_until(self, last: int) -> None:
        """See `Backbone`; what timm cannot take away gets no gradient."""
        self.indices = self.indices[: last + 1]
        self.body.prune_intermediate_layers(self.indices, prune_norm=True, prune_head=True)
        used = {id(p) for part in self.parts() for module in part for p in module.parameters()}
        for parameter in self.body.parameters():
            parameter.requires_grad_(id(parameter) in used)
        del self.fc

    def parts(self) -> list[list[nn.Module]]:
        info = list(self.body.feature_info)
        maps = [info[i]["module"] for i in self.indices]
        stem = [info[self.indices[0] - 1]["module"]] if self.indices[0] else []
        layers = layers_in_order(self.body, maps + stem)
        names = [name for name, _ in layers]
        if lost := [path for path in stem + maps if path not in names]:
            raise UserError(
                f"{self.name} has no layer {lost[0]!r}, where timm says that a map of it ends, so "
                "its stages cannot be told apart; choose another network"
            )
        ends = [names.index(path) + 1 for path in stem + maps]
        ends = ends if stem else [ends[0] - 1, *ends]
        starts = [0, *ends[:-1]]
        return [[m for _, m in layers[a:b]] for a, b in zip(starts, ends, strict=True)]


def layers_in_order(
    module: nn.Module, paths: Sequence[str], prefix: str = ""
) -> list[tuple[str, nn.Module]]:
    """The children of `module` with their paths, taken apart where one of `paths` is within."""
    layers = []
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if any(p.startswith(f"{path}.") for p in paths):
            layers += layers_in_order(child, paths, f"{path}.")
        else:
            layers.append((path, child))
    return layers


def linear(classifier: Any) -> nn.Linear:
    """A classifier as a linear layer; timm's may be a 1x1 convolution.

    Raises:
        UserError: It is neither.
    """
    if isinstance(classifier, nn.Conv2d):
        result = nn.Linear(classifier.in_channels, classifier.out_channels)
        result.weight = nn.Parameter(classifier.weight.detach().flatten(1))
        if classifier.bias is not None:
            result.bias = nn.Parameter(classifier.bias.detach())
        return result
    if not isinstance(classifier, nn.Linear):
        raise UserError(
            f"the classifier of timm's network is {classifier}; choose a network with a linear one"
        )
    return classifier


def whole(model: Any, output_stride: int, multiple: int = 1) -> WholeNet:
    """Wrap a network of timm that is not cut; `multiple`: see `WholeNet`.

    Raises:
        UserError: It has no feature maps at growing strides, no linear classifier, no stages that
            can be told apart, or no such output stride.
    """
    name = model.pretrained_cfg["architecture"]
    info = list(getattr(model, "feature_info", []))
    first = max(len(info) - 4, 0)
    strides = [entry["reduction"] for entry in info[first:]]
    different = [stride for stride in strides if output_stride == 32 or stride < output_stride]
    pyramid = different and different == sorted({*different})
    if not hasattr(model, "forward_intermediates") or not pyramid:
        raise UserError(
            f"timm/{name} has no feature maps at growing strides (timm says {strides}), so it "
            "cannot be a backbone here; choose a network that supports timm's features_only"
        )
    if output_stride < 32 and max(strides) > output_stride:
        raise UserError(
            f"timm/{name} has no output stride {output_stride!r}: timm has none for it, and its "
            "layers do not run in a row, so they cannot be dilated here; use output_stride=32"
        )
    path = model.pretrained_cfg["classifier"]
    if not isinstance(path, str):
        raise UserError(
            f"timm/{name} has no linear classifier (timm says {path!r}); choose another network"
        )
    fc = linear(model.get_submodule(path))
    parent, _, child = path.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    channels = tuple(entry["num_chs"] for entry in info[first:])
    features = FeatureInfo(channels, tuple(strides))
    result = WholeNet(model, fc, features, range(first, len(info)), multiple)
    result.name = f"timm/{name}"
    result.parts()
    return result
