"""What a backbone may lack, with a reason: smaller output strides, a box head, zero gammas."""

from typing import Any

import torch
from torch import Tensor, nn

from backbones.last_norms import last_norms
from backbones.properties.networks import (
    STRIDES,
    Absent,
    Broken,
    narrow,
    network,
    pictures,
    require,
)
from backbones.registry import build, info
from backbones.timm_models import dilated_by_timm
from tricklift.errors import UserError

#: What `dilated` says of a network such as ResNet-D.
POOLS = (
    "compared without the average pools that carry a stride, as in ResNet-D's shortcuts: at stride "
    "1 they are left out, or average other positions"
)


def quiet_gates(model: nn.Module) -> None:
    """Cut squeeze-and-excite off from its global average.

    These run over more positions in a dilated network, so they differ by nature. With zero weights
    behind the average a gate is what its bias says, in both networks.
    """
    for name, module in model.named_modules():
        if name.endswith(".fc2") and isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)


def equal_where_strided(
    strided: Any, dilated: Any, output_stride: int, sides: tuple[int, int], shifts: bool = False
) -> list[str]:
    """A dilated network computes the strided one's maps at the positions that this one has.

    With `shifts`, a whole map may be off to the right and below, as by timm's even windows.

    Returns:
        Which maps are off, and how far.
    """
    wanted = tuple(min(stride, output_stride) for stride in STRIDES)
    require(
        dilated.feature_info.strides == wanted,
        f"at output stride {output_stride} its strides are {dilated.feature_info.strides}",
    )
    require(dilated.feature_info.channels == strided.feature_info.channels, "its channels change")
    image = pictures(sides)[:1]
    said = []
    with torch.no_grad():
        maps = zip(strided.forward_features(image), dilated.forward_features(image), strict=True)
        for stride, (theirs, ours) in zip(STRIDES, maps, strict=True):
            step = max(1, stride // output_stride)
            sampled = [ours[:, :, i::step, i::step] for i in range(step if shifts else 1)]
            require(
                all(s.shape == theirs.shape for s in sampled),
                f"a map of {tuple(ours.shape)} is not dilated",
            )
            require(bool(theirs.std() > 1e-3), "its maps are flat, which would hide a difference")
            far = [((s - theirs).abs().max() / theirs.abs().max()).item() for s in sampled]
            require(
                min(far) <= 1e-5,
                f"at output stride {output_stride} its map of stride {stride} differs by "
                f"{min(far):.2g} from the strided network's at the same positions",
            )
            if shift := far.index(min(far)):
                said.append(
                    f"its map of stride {stride} is {shift * output_stride} pixels off, to the "
                    "right and below"
                )
    return said


def same_pools(strided: nn.Module, dilated: nn.Module) -> bool:
    """Let strided average pools skip positions in both networks, where the dilated one has others.

    A 2x2 average that carries a stride, as in the shortcuts of ResNet-D, has one exact counterpart
    at stride 1, the average of positions `dilation` apart (`backbones.dilation.DensePool`). The
    paper's authors and we leave it out in a dilated stage; timm averages neighbours. There the two
    networks differ by nature, and all around it they must compute the same.

    Returns:
        Whether there was such a pool.
    """
    others, found = dict(dilated.named_modules()), False
    for path, pool in list(strided.named_modules()):
        if not isinstance(pool, nn.AvgPool2d) or pool.stride in (1, (1, 1)):
            continue
        other = others.get(path)
        if isinstance(other, nn.Identity) or getattr(other, "stride", 0) in (1, (1, 1)):
            parent, _, child = path.rpartition(".")
            setattr(strided.get_submodule(parent), child, nn.AvgPool2d(1, pool.stride))
            setattr(dilated.get_submodule(parent), child, nn.Identity())
            found = True
    return found


def dilated(name: str) -> str:
    """At output stride 8 it computes what it computes at 32, at more positions.

    What differs by nature is left out of the comparison, and named in what is returned.
    """
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
    notes = [POOLS] * same_pools(plain, dense)
    try:
        notes += equal_where_strided(plain, dense, 8, (96, 128), shifts=True)
    except Broken as error:
        if info(name).family != "timm" or not dilated_by_timm(name):
            raise
        raise Absent(
            f"timm dilates {name} in a way of its own: {error}. It runs, but weights trained at "
            "stride 32 compute something else there; rather use output_stride=32"
        ) from error
    return "; ".join(notes)


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
