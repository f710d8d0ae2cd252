"""What any backbone must do, as functions: our tests run them over the registry, and
`tricklift check-backbone` over one of your own.

A property that does not hold raises `Broken`. One that a network may lack, such as a smaller output
stride, raises `Absent` with the network's own reason.
"""

import copy
import json
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.adapted import depends_on
from backbones.checkpoint import load_pretrained, save
from backbones.export import export
from backbones.features import Backbone
from backbones.last_norms import last_norms
from backbones.registry import OWN, build, info
from backbones.wrapper import TrickBackbone
from tricklift.errors import UserError

STRIDES = (4, 8, 16, 32)
#: Largest relative distance that counts as equal, in float32 and under bfloat16 autocast.
CLOSE, CLOSE_BFLOAT16 = 1e-4, 0.05


class Broken(UserError):
    """A property does not hold."""


class Absent(UserError):
    """A network lacks what it may lack."""


def require(holds: bool, message: str) -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(message)


# What they run on. ------------------------------------------------------------------------------


def narrow(name: str) -> dict[str, Any]:
    """Options that make a network of ours as small as it gets."""
    entry = info(name)
    return {"width": 0.25} if "width" in entry.options and entry.family != OWN else {}


def pictures(sides: tuple[int, int] = (97, 129)) -> Tensor:
    """Two images of an odd size, ``(2, 3, H, W)``."""
    return torch.randn(2, 3, *sides, generator=torch.Generator().manual_seed(0))


def randomise(network: Any, seed: int = 0) -> Any:
    """Batch-norm statistics, gammas and betas away from 0 and 1; evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            size = module.weight.shape
            with torch.no_grad():
                module.weight.copy_(torch.rand(size, generator=generator) * 0.5 + 0.25)
                module.bias.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_mean.copy_(torch.randn(size, generator=generator) * 0.2)
                module.running_var.copy_(torch.rand(size, generator=generator) + 0.5)
    return network.eval()


def network(name: str, **options: Any) -> Any:
    """A network with weights that leave no difference hidden, and finite maps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(name, 10, **narrow(name), **options)
        for module in model.modules():  # Inception's own start lets the maps grow a thousandfold
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in")
    return randomise(model)


def distance(a: Tensor, b: Tensor) -> float:
    """Of `a` from `b`, relative to the size of `b`."""
    return ((a.float() - b).norm() / b.norm()).item()


# Shapes, on the meta device. --------------------------------------------------------------------


def contract(name: str) -> str:
    """Four maps with the channels that it says, at strides 4 to 32, at two odd sizes; logits.

    Strides are the cells that 64 and 128 pixels more add: a quotient of sizes would not do, since
    Inception-V3 has no padding at its border.
    """
    with torch.device("meta"):
        model = build(name, num_classes=7).eval()
        require(isinstance(model, Backbone), f"it is a {type(model).__name__}, no Backbone")
        small, large = (
            model.forward_features(torch.empty(1, 3, *size)) for size in ((161, 97), (225, 225))
        )
        logits = model(torch.empty(2, 3, 161, 97))
    require(isinstance(model.fc, nn.Linear), f"its head is {model.fc}, no linear layer")
    require((model.name, model.options) == (name, {}), "it does not keep its name and options")
    channels, strides = model.feature_info.channels, model.feature_info.strides
    require(
        strides == STRIDES and len(small) == len(channels) == 4,
        f"it has {len(small)} maps at strides {strides}; necks and heads take four at {STRIDES}",
    )
    for index, (stride, wide, a, b) in enumerate(zip(strides, channels, small, large, strict=True)):
        shapes = f"{tuple(a.shape)} of 161 x 97 pixels and {tuple(b.shape)} of 225 x 225"
        require(
            a.shape[:2] == b.shape[:2] == (1, wide), f"map {index} is {shapes}, not {wide} channels"
        )
        grown = (b.shape[2] - a.shape[2], b.shape[3] - a.shape[3])
        require(
            grown == (64 // stride, 128 // stride),
            f"map {index} is {shapes}: that is not stride {stride}",
        )
    require(logits.shape == (2, 7), f"of 2 images and 7 classes, its logits are {logits.shape}")
    return f"channels {' '.join(map(str, channels))}"


def options(name: str) -> None:
    """It takes what provided configs and tricks set."""
    lacks = {"output_stride", "init", "zero_gamma"} - set(info(name).options)
    require(not lacks, f"its factory takes no {', '.join(sorted(lacks))}")


def parts(name: str) -> None:
    """Its stem and stages are all that its maps depend on; stages behind the last one can go."""
    with torch.device("meta"):
        model, cut = build(name, num_classes=2).eval(), build(name, num_classes=2).eval()
        last = model.forward_features(torch.empty(1, 3, 161, 97))
    count = len(model.feature_info.channels)
    require(
        len(model.parts()) == count + 1 and not model.frozen_parts(-1),
        f"parts() gives {len(model.parts())}, not a stem and {count} stages",
    )
    names = {id(p): key for key, p in model.named_parameters()}
    needed = set().union(*(depends_on(output, names) for output in last))
    inside = {names[id(p)] for part in model.frozen_parts(count) for p in part.parameters()}
    require(not needed - inside, f"no part has {sorted(needed - inside)[:5]}")
    require(not inside - needed, f"no map depends on {sorted(inside - needed)[:5]} of its parts")
    cut.keep_until(1)
    require(len(cut.parts()) == 3, f"cut behind stage 1 it has {len(cut.parts())} parts, not 3")
    kept = {id(p) for part in cut.frozen_parts(2) for p in part.parameters()}
    left = {id(p) for p in cut.parameters() if p.requires_grad}
    require(kept == left, "cut behind stage 1 it keeps parameters that get no gradient")
    try:
        cut.frozen_parts(3)
    except UserError:
        return
    raise Broken("cut behind stage 1 it lets a third stage be frozen")


# Numbers. ---------------------------------------------------------------------------------------


def repeats(model: Any, images: Tensor) -> None:
    """In evaluation the same images give the same finite maps and logits."""
    with torch.no_grad():
        first, second = model.forward_features(images), model.forward_features(images)
        logits = model(images)
        again = model(images)
    require(
        tuple(f.shape[1] for f in first) == model.feature_info.channels, "its channels are others"
    )
    for a, b in zip(first, second, strict=True):
        require(torch.equal(a, b), "the same images give other maps the second time")
        require(bool(a.isfinite().all()), "its maps are not finite")
    require(torch.equal(again, logits), "the same images give other logits the second time")


def state_dict(model: Any, images: Tensor) -> None:
    """Another network with its state dict gives the same logits."""
    state = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.device("meta"):
        other = build(model.name, 10, **model.options)
    other.to_empty(device="cpu")
    other.load_state_dict(state)
    with torch.no_grad():
        require(
            torch.equal(other.eval()(images), model(images)),
            "another network with its state dict gives other logits: something of it is neither a "
            "parameter nor a (persistent) buffer",
        )


def channels_last(model: Any, images: Tensor) -> None:
    """In channels-last memory format it gives the same logits."""
    with torch.no_grad():
        plain = model(images)
        last = copy.deepcopy(model).to(memory_format=torch.channels_last)
        far = distance(last(images.contiguous(memory_format=torch.channels_last)), plain)
    require(far < CLOSE, f"in channels-last its logits differ by {far:.2g}")


def bfloat16(model: Any, images: Tensor) -> None:
    """Under autocast to bfloat16 its logits are about the same."""
    with torch.no_grad():
        plain = model(images)
        with torch.autocast("cpu", torch.bfloat16):
            far = distance(model(images), plain)
    require(far < CLOSE_BFLOAT16, f"under bfloat16 its logits differ by {far:.2g}")


def backward(model: Any, images: Tensor) -> None:
    """A loss on its logits reaches every parameter, with finite gradients."""
    trained = copy.deepcopy(model).train()
    trained(images).square().sum().backward()
    gradients = {key: p.grad for key, p in trained.named_parameters()}
    unreached = [key for key, grad in gradients.items() if grad is None]
    require(not unreached, f"no gradient reaches {unreached[:5]}")
    found = [grad for grad in gradients.values() if grad is not None]
    require(all(bool(grad.isfinite().all()) for grad in found), "its gradients are not finite")
    moving = sum(bool(grad.any()) for grad in found)
    require(moving > 0.9 * len(found), f"{len(found) - moving} of {len(found)} gradients are zero")


def frozen_stages(name: str, images: Tensor) -> None:
    """Stem and two stages frozen: no gradients, no moving statistics there; both elsewhere."""
    model = TrickBackbone(name, frozen_stages=2, **narrow(name))
    randomise(model.net)  # statistics that keep the maps of a frozen involution finite
    model.train()
    still = {id(t) for m in model.frozen for t in (*m.parameters(), *m.buffers())}
    before = {key: value.clone() for key, value in model.named_buffers()}
    sum(f.sum() for f in model(images)).backward()
    for key, parameter in model.named_parameters():
        frozen = id(parameter) in still
        require(parameter.requires_grad != frozen, f"{key}: frozen or not, it is the other way")
        require((parameter.grad is not None) != frozen, f"{key}: its gradient is the other way")
    for key, value in model.named_buffers():
        moved = not torch.equal(value, before[key])
        if id(value) in still:
            require(not moved, f"{key} moved, though its stage is frozen")
        elif key.endswith(("running_mean", "running_var")):
            require(moved, f"{key} did not move, though its stage is not frozen")


def exportable(name: str, images: Tensor) -> None:
    """`torch.export` and `torch.jit.trace` give graphs with the same logits."""
    model = build(name, 10, **narrow(name)).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a trace is what older tools take
        wanted = model(images)
        for tool in (torch.export.export, torch.jit.trace):
            try:
                graph: Any = tool(model, (images,))
            except Exception as error:
                reason = str(error).strip().partition("\n")[0]
                raise Broken(f"{tool.__name__} fails: {type(error).__name__}: {reason}") from error
            graph = graph.module() if hasattr(graph, "module") else graph
            far = (graph(images) - wanted).abs().max().item()
            limit = CLOSE * max(1.0, wanted.abs().max().item())
            require(far <= limit, f"{tool.__name__} gives other logits, by {far:.2g}")


def export_round_trip(name: str) -> None:
    """Exported weights come back, every one; into the dilated network too, if there is one."""
    model = randomise(build(name, 5, **narrow(name)))
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "weights.safetensors", Path(folder) / "out.safetensors"
        save(
            source,
            model.state_dict(),
            {"architecture": name, "options": json.dumps(narrow(name)), "row": "B-baseline"},
        )
        require(export(source, out).difference == 0, "an export gives other logits")
        for more in ({}, {"output_stride": 8}):
            try:
                other: Any = build(name, 9, **narrow(name), **more)
            except UserError:
                continue  # `dilated` says so
            load_pretrained(other, out)
            with torch.no_grad():
                found = other.eval().forward_features(pictures())
            require(all(bool(f.isfinite().all()) for f in found), "loaded, its maps are not finite")


# What a network may lack. -----------------------------------------------------------------------


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


def _on_images(check: Callable[[Any, Tensor], None], name: str) -> None:
    check(network(name), pictures())


#: In the order in which `tricklift check-backbone` runs them.
PROPERTIES: dict[str, Callable[[str], str | None]] = {
    "channels, strides and odd sizes": contract,
    "options of configs and tricks": options,
    "stem and stages": parts,
    "repeats itself": partial(_on_images, repeats),
    "state dict": partial(_on_images, state_dict),
    "backward": partial(_on_images, backward),
    "channels-last": partial(_on_images, channels_last),
    "bfloat16": partial(_on_images, bfloat16),
    "frozen stages": lambda name: frozen_stages(name, pictures()),
    "torch.export and trace": lambda name: exportable(name, pictures()),
    "export and back": export_round_trip,
    "output stride 8 (FCN, PSPNet)": dilated,
    "C4 box head": box_head,
    "zero gamma": zero_gamma,
}
