"""What every backbone must do."""

import copy
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.adapted import depends_on
from backbones.checkpoint import load_pretrained, save
from backbones.export import export
from backbones.features import Backbone
from backbones.properties.networks import (
    CLOSE,
    CLOSE_BFLOAT16,
    STRIDES,
    Broken,
    distance,
    narrow,
    pictures,
    randomise,
    require,
)
from backbones.registry import build, info
from backbones.wrapper import TrickBackbone
from tricklift.errors import UserError

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
    unsaved = {key for key, _ in model.named_buffers()} - state.keys()
    with torch.random.fork_rng(devices=[]), torch.device("cpu" if unsaved else "meta"):
        torch.manual_seed(1)
        other = build(model.name, 10, **model.options)
    if not unsaved:
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
        dilated: dict[str, Any] = {"output_stride": 8}
        for more in ({}, dilated):
            try:
                other: Any = build(name, 9, **narrow(name), **more)
            except UserError:
                continue  # `dilated` says so
            load_pretrained(other, out)
            with torch.no_grad():
                found = other.eval().forward_features(pictures())
            require(all(bool(f.isfinite().all()) for f in found), "loaded, its maps are not finite")
