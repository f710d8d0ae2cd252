"""Makes a `Backbone` of what a user's factory gives; see `backbones.own.register_backbone`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from backbones.adapted import AdaptedNet, ListNet, StageNet, unable
from backbones.dilation import dilate
from backbones.features import Backbone
from tricklift.errors import UserError


def adapt(
    name: str,
    given: nn.Module,
    num_classes: int,
    stages: Sequence[str],
    classifier: str | None,
    input_size: int,
    output_stride: int,
) -> Backbone:
    """A network of one's own as a `Backbone`; see `backbones.own.register_backbone`.

    Raises:
        UserError: It is none, it does not have the stages or the classifier that were named, or no
            such output stride.
    """
    if not isinstance(given, nn.Module):
        raise UserError(
            f"the factory of {name} gives a {type(given).__name__}, no nn.Module; "
            "return the network"
        )
    if isinstance(given, Backbone):
        if output_stride != 32:
            raise UserError(
                f"{name} has no output stride {output_stride!r}: its factory takes none; let it "
                "take output_stride, or use output_stride=32"
            )
        return given
    network: AdaptedNet
    if stages:
        network = _with_stages(name, given, num_classes, stages, classifier, input_size)
    else:
        network = _with_list(name, given, num_classes, input_size)
    network.name = name
    network.feature_info = network.measured()
    if output_stride != 32:
        _dilate(network, output_stride)
    return network


def _with_stages(
    name: str,
    given: nn.Module,
    num_classes: int,
    stages: Sequence[str],
    classifier: str | None,
    input_size: int,
) -> StageNet:
    modules = dict(given.named_modules())
    linear = [
        path
        for path, module in modules.items()
        if isinstance(module, nn.Linear) and module.out_features == num_classes
    ]
    path = classifier or (linear or [""])[-1]
    missing = [repr(part) for part in (*stages, path) if part not in modules]
    if missing:
        known = ", ".join(key for key in modules if key.count(".") < 2 and key)
        raise UserError(f"{name} has no module {', '.join(missing)}; it has {known}")
    fc = modules[path]
    if not isinstance(fc, nn.Linear):
        raise UserError(
            f"{name}: its classifier {path!r} is {type(fc).__name__}, no linear layer with "
            f"{num_classes} outputs; register it with classifier='PATH', and let the factory use "
            "num_classes"
        )
    parent, _, child = path.rpartition(".")
    setattr(given.get_submodule(parent), child, nn.Identity())
    return StageNet(given, fc, input_size, stages, path)


def _with_list(name: str, given: nn.Module, num_classes: int, input_size: int) -> ListNet:
    x = torch.empty(1, 3, input_size, input_size, device="meta")
    seen: list[str] = []
    handles = [
        child.register_forward_hook(
            lambda _, __, out, key=key: seen.append(
                f"{key} {'x'.join(map(str, out.shape[1:])) if isinstance(out, Tensor) else '?'}"
            )
        )
        for key, child in given.named_children()
    ]
    training = given.training
    try:
        with torch.no_grad():
            state = {
                key: torch.empty_like(value, device="meta")
                for key, value in (*given.named_parameters(), *given.named_buffers())
            }
            maps = functional_call(given.eval(), state, (x,))
    except Exception as error:
        raise unable(name, input_size, error) from error
    finally:
        given.train(training)
        for handle in handles:
            handle.remove()
    maps = list(maps.values()) if isinstance(maps, dict) else maps
    if isinstance(maps, Tensor) or any(m.dim() != 4 for m in maps):
        raise UserError(
            f"{name} gives {tuple(maps.shape) if isinstance(maps, Tensor) else 'no maps'}, not a "
            "list of maps (N, C, H, W): name the modules where its stages end, as register_backbone"
            f"(..., stages=[...]); its parts and what comes out of them: {', '.join(seen)}"
        )
    first = max(len(maps) - 4, 0)
    fc = nn.Linear(maps[-1].shape[1], num_classes)
    return ListNet(given, fc, input_size, range(first, len(maps)))


def _dilate(network: AdaptedNet, output_stride: int) -> None:
    """Dilate the stages of a network in place, and look at the strides that come out."""
    name = network.name
    if not isinstance(network, StageNet):
        raise UserError(
            f"{name} has no output stride {output_stride!r}: it returns its maps as a list; let "
            "its factory take output_stride, or use output_stride=32"
        )
    strides = network.feature_info.strides
    wanted = tuple(min(stride, output_stride) for stride in strides)
    modules = [network.body.get_submodule(path) for path in network.stages]
    dilate(modules, strides, output_stride)
    network.feature_info = network.measured()
    if network.feature_info.strides != wanted:
        raise UserError(
            f"{name} has no output stride {output_stride!r}: dilated, its strides are "
            f"{network.feature_info.strides} instead of {wanted}, since something strides outside "
            "of its stages; let its factory take output_stride, or use output_stride=32"
        )
