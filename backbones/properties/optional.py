"""What a backbone may lack, with a reason: smaller output strides, a box head, zero gammas."""

from typing import Any

import torch
from torch import Tensor, nn

from backbones.last_norms import last_norms
from backbones.properties.networks import STRIDES, Absent, narrow, network, pictures, require
from backbones.registry import build
from tricklift.errors import UserError


def quiet_gates(model: nn.Module) -> None:
    """Cut squeeze-and-excite off from its global average.

    These run over more positions in a dilated network, so they differ by nature. With zero weights
    behind the average a gate is what its bias says, in both networks.
    """
    for name, module in model.named_modules():
        if name.endswith(".fc2") and isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)


def equal_where_strided(
    strided: Any, dilated: Any, output_stride: int, sides: tuple[int, int]
) -> None:
    """A dilated network computes the strided one's maps at the positions that this one has."""
    wanted = tuple(min(stride, output_stride) for stride in STRIDES)
    require(
        dilated.feature_info.strides == wanted,
        f"at output stride {output_stride} its strides are {dilated.feature_info.strides}",
    )
    require(dilated.feature_info.channels == strided.feature_info.channels, "its channels change")
    image = pictures(sides)[:1]
    with torch.no_grad():
        maps = zip(strided.forward_features(image), dilated.forward_features(image), strict=True)
        for stride, (theirs, ours) in zip(STRIDES, maps, strict=True):
            step = max(1, stride // output_stride)
            sampled = ours[:, :, ::step, ::step]
            require(sampled.shape == theirs.shape, f"a map of {tuple(ours.shape)} is not dilated")
            require(bool(theirs.std() > 1e-3), "its maps are flat, which would hide a difference")
            far = ((sampled - theirs).abs().max() / theirs.abs().max()).item()
            require(
                far <= 1e-5,
                f"at output stride {output_stride} its map of stride {stride} differs by {far:.2g} "
                "from the strided network's at the same positions",
            )


def dilated(name: str) -> str:
    """At output stride 8 it computes what it computes at 32, at more positions."""
    plain = network(name)
    try:
        dense = build(name, 10, **narrow(name), output_stride=8).eval()
    except UserError as error:
        raise Absent(str(error)) from error
    dense.load_state_dict(plain.state_dict())
    with torch.enable_grad():
        last = plain.forward_features(pictures((64, 64)))[-1]
    if _averages(last):
        shapes = [f.shape[2] for f in dense.forward_features(pictures((96, 128)))]
        require(shapes[-1] == shapes[1] == 12, f"at output stride 8, 96 pixels give {shapes}")
        return "not compared with stride 32: it averages over whole maps, as squeeze-and-excitation"
    equal_where_strided(plain, dense, 8, (96, 128))
    return ""


def _averages(output: Tensor) -> bool:
    """Whether a mean over positions is in what an output was computed by."""
    seen, stack = set(), [output.grad_fn]
    while stack:
        node: Any = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__.startswith(("Mean", "AdaptiveAvg")):
            return True
        stack += [given for given, _ in node.next_functions]
    return False


def box_head(name: str) -> None:
    """Its last stage alone maps the map before to its own: the head of Faster R-CNN C4."""
    model = network(name)
    try:
        stage = model.stage(3)
    except UserError as error:
        raise Absent(str(error)) from error
    with torch.no_grad():
        *_, before, last = model.forward_features(pictures())
        require(torch.equal(stage(before), last), "its last stage alone gives another map")


def zeros(model: nn.Module) -> list[str]:
    """Paths of norms whose gamma is 0 throughout."""
    kinds = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    return [
        path
        for path, module in model.named_modules()
        if isinstance(module, kinds) and module.weight is not None and not module.weight.any()
    ]


def zero_gamma(name: str) -> None:
    """Without the trick no gamma starts at 0; with it those of the blocks' last norms do alone."""
    plain = zeros(build(name, 5, **narrow(name), zero_gamma=False, init="xavier"))
    require(not plain, f"gamma starts at 0 without the trick: {plain[:3]}")
    try:
        with_it = build(name, 5, **narrow(name), zero_gamma=True)
    except UserError as error:
        raise Absent(str(error)) from error
    with torch.device("meta"):
        expected = last_norms(build(name, 5, **narrow(name)), 96)
    found = zeros(with_it)
    require(
        found == expected,
        f"with the trick gamma is 0 at {found[:3]} ({len(found)}); its blocks end in "
        f"{expected[:3]} ({len(expected)})",
    )
