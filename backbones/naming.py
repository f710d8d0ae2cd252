"""What other libraries call our networks and their tensors: tables, read in both directions.

A row pairs our module name with theirs; ``{stage}`` counts from 0, ``{layer}`` is the same stage
counted from 1, and ``{block}`` and ``{n}`` are the same on both sides. What follows the module name
(``.weight``, ``.running_mean``, ...) is kept.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backbones.registry import OWN, TIMM, build, info
from tricklift.errors import UserError

Rows = tuple[tuple[str, str], ...]

LIBRARIES = ("torchvision", "timm", "mmdet")
#: In the place of a library: how a network of one's own calls its own parts.
OWN_NAMES = "its own"


@dataclass(frozen=True)
class Naming:
    """One of our networks in the words of another library.

    Attributes:
        library: ``torchvision``, ``timm`` or ``mmdet``.
        network: The library's name of the network, e.g. ``resnet50d``, or its class (mmdet).
        rows: Pairs of module names, ours first.
        arguments: What the library's constructor takes besides the name.
        conv_head: The head is a 1x1 convolution there.
    """

    library: str
    network: str
    rows: Rows
    arguments: dict[str, Any] = field(default_factory=dict)
    conv_head: bool = False

    @property
    def ambiguous(self) -> str:
        """Networks of ours that have these very names, so that weights do not tell which; or ''."""
        return "variants A and B" if self.arguments.get("style") == "caffe" else ""

    def to_library(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename a state dict of ours; a key that fits no row is a UserError."""
        if self.conv_head and "fc.weight" in state:
            state = {**state, "fc.weight": state["fc.weight"][:, :, None, None]}
        return _rename(state, self.rows, f"our names and {self.library}'s {self.network}")

    def from_library(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename a state dict of the library; a key that fits no row is a UserError."""
        rows = tuple((theirs, ours) for ours, theirs in self.rows)
        renamed = _rename(state, rows, f"{self.library}'s {self.network} and our names")
        if self.conv_head and "fc.weight" in renamed:
            renamed["fc.weight"] = renamed["fc.weight"].flatten(1)
        return renamed


def library_naming(name: str, library: str, **options: Any) -> Naming:
    """How `library` names the backbone `name`.

    Args:
        name: A name from `backbones.names`.
        library: One of `LIBRARIES`, or `OWN_NAMES`.
        **options: The options that the network was built with, if it has weights to hand over.

    Raises:
        UserError: Unknown backbone or library, or the library has no such network; the message
            says why.
    """
    family = info(name).family
    if library == OWN_NAMES and family == OWN:
        return _own(name)
    if library not in LIBRARIES:
        raise UserError(f"unknown library {library!r}; known: {', '.join(LIBRARIES)}")
    if family not in FAMILIES:
        raise UserError(
            f"{library} cannot hold {name}: no network of its own is the same; "
            "export it to tricklift"
        )
    naming = FAMILIES[family](name, library, options)
    known = _networks(library)
    if family != "timm" and naming.network not in known:
        what = " with squeeze-and-excitation" if options.get("se") else ""
        near = ", ".join(difflib.get_close_matches(naming.network, known, n=6, cutoff=0.7))
        raise UserError(
            f"{library} cannot hold {name}{what}: it has no "
            f"{naming.network!r} (nearest: {near or 'none'}); of ResNets, torchvision has "
            "variant B alone, timm B, D and few of C, mmdet A, B, C and D"
        )
    _refuse_options(name, naming, options)
    return naming


def _networks(library: str) -> list[str]:
    """All that `library` can build under the names that a `Naming` gives."""
    if library == "mmdet":
        return ["ResNet", "ResNetV1d"]
    if library == "timm":
        import timm

        return timm.list_models()
    from torchvision import models

    return models.list_models(module=models)  # without detectors and the like


def _refuse_options(name: str, naming: Naming, options: Mapping[str, Any]) -> None:
    """Refuse what the network of this name in the library does not have."""
    library, network = naming.library, naming.network
    if (stride := options.get("output_stride", 32)) != 32:
        raise UserError(
            f"{library} weights cannot hold {name} at output_stride {stride}: loaded into "
            f"{library}'s {network} they would run at stride 32; "
            "leave output_stride out, or export to tricklift"
        )
    if stages := options.get("deformable_stages"):
        raise UserError(
            f"{library} cannot hold {name} with deformable stages {stages}: its {network} has "
            "plain convolutions; leave deformable_stages out, or export to tricklift"
        )
    width = options.get("width", 1.0)
    if width != 1 and (library != "mmdet" or (64 * width) % 8):
        has = "multiples of 8" if library == "mmdet" else "a stem of 64 channels"
        raise UserError(
            f"{library} cannot hold {name} at width {width:g}: its {network} has {has}; "
            "leave the width out, or export to tricklift"
        )


def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", escaped) + r"(?P<rest>\..+)?")


def _rename(state: Mapping[str, Tensor], rows: Rows, between: str) -> dict[str, Tensor]:
    patterns = [(_pattern(source), target) for source, target in rows]
    renamed, unknown = {}, []
    for key, value in state.items():
        matches = ((m, target) for p, target in patterns if (m := p.fullmatch(key)))
        match, target = next(matches, (None, ""))
        if match is None:
            unknown.append(key)
            continue
        found = match.groupdict()
        rest = found.pop("rest") or ""
        numbers = {name: int(text) for name, text in found.items()}
        numbers.setdefault("layer", numbers.get("stage", 0) + 1)
        numbers.setdefault("stage", numbers["layer"] - 1)
        renamed[target.format(**numbers) + rest] = value
    if unknown:
        shown = ", ".join(unknown[:10])
        raise UserError(
            f"no row between {between} for {len(unknown)} keys: {shown}; "
            "give weights of this very network"
        )
    return renamed


# The ResNet family. ---------------------------------------------------------------------------

PLAIN_STEM = (("stem.conv1", "conv1"), ("stem.norm1", "bn1"))


def _deep_stem(*theirs: str) -> Rows:
    ours = (f"stem.{part}{n}" for n in (1, 2, 3) for part in ("conv", "norm"))
    return tuple(zip(ours, theirs, strict=True))


DEEP_STEM_TIMM = _deep_stem("conv1.0", "conv1.1", "conv1.3", "conv1.4", "conv1.6", "bn1")
DEEP_STEM_MMDET = _deep_stem("stem.0", "stem.1", "stem.3", "stem.4", "stem.6", "stem.7")
BLOCKS = (
    ("stages.{stage}.{block}.conv{n}", "layer{layer}.{block}.conv{n}"),
    ("stages.{stage}.{block}.norm{n}", "layer{layer}.{block}.bn{n}"),
)
STRIDED_SHORTCUT = (
    ("stages.{stage}.{block}.shortcut.conv", "layer{layer}.{block}.downsample.0"),
    ("stages.{stage}.{block}.shortcut.norm", "layer{layer}.{block}.downsample.1"),
)
POOLED_SHORTCUT = (  # the pool is number 0
    ("stages.{stage}.{block}.shortcut.conv", "layer{layer}.{block}.downsample.1"),
    ("stages.{stage}.{block}.shortcut.norm", "layer{layer}.{block}.downsample.2"),
)
SQUEEZE_EXCITE_TIMM = (
    ("stages.{stage}.{block}.attention.reduce", "layer{layer}.{block}.se.fc1"),
    ("stages.{stage}.{block}.attention.expand", "layer{layer}.{block}.se.fc2"),
)
HEAD = (("fc", "fc"),)


def _resnet(name: str, library: str, options: Mapping[str, Any]) -> Naming:
    match = re.fullmatch(r"(se)?resnex?t(\d+)(_\d+x\d+d)?_([abcd])", name)
    assert match, name
    squeezed, depth, groups, variant = match.groups()
    squeezed = bool(squeezed or options.get("se"))
    if int(depth) < 50 and variant == "a":
        variant = "b"  # a basic block has one place for its stride: A and B are the same network
    if library == "mmdet":
        if squeezed or groups:
            raise UserError(
                f"mmdet cannot hold {name}: only plain ResNets are written for its own classes; "
                "use it there as dict(type='TrickBackbone', name=...)"
            )
        network, stem = "ResNetV1d" if variant == "d" else "ResNet", DEEP_STEM_MMDET
        arguments = {"depth": int(depth), "style": "caffe" if variant == "a" else "pytorch"}
        arguments |= {"deep_stem": True} if variant == "c" else {}
        width = options.get("width", 1.0)
        arguments |= {"base_channels": round(64 * width)} if width != 1 else {}
    else:
        network = f"{'se' * squeezed}resne{'x' if groups else ''}t{depth}"
        network += ("" if variant == "b" else variant) + (groups or "")
        stem, arguments = DEEP_STEM_TIMM, {}
    rows = (
        *(stem if variant in "cd" else PLAIN_STEM),
        *BLOCKS,
        *(POOLED_SHORTCUT if variant == "d" else STRIDED_SHORTCUT),
        *(SQUEEZE_EXCITE_TIMM if squeezed else ()),
        *HEAD,
    )
    return Naming(library, network, rows, arguments)


def _timm(name: str, library: str, _: Mapping[str, Any]) -> Naming:
    if library != "timm":
        raise UserError(
            f"{library} cannot hold {name}: only timm's own names are known for its networks; "
            "export to timm, or use it in mmdet and mmseg as dict(type='TrickBackbone', name=...)"
        )
    from backbones.timm_models import names_of

    network = name.removeprefix(TIMM)
    rows, conv_head = names_of(network)
    return Naming(library, network, rows, conv_head=conv_head)


def _own(name: str) -> Naming:
    with torch.device("meta"):
        network: Any = build(name, 1)
    body, path = getattr(network, "body", None), getattr(network, "path", "fc")
    if body is None:  # of the contract itself
        return Naming(OWN_NAMES, name, tuple((child, child) for child in _top(network)))
    rows = tuple((f"body.{child}", child) for child in _top(body))
    return Naming(OWN_NAMES, name, (*((("fc", path),) if path else ()), *rows))


def _top(module: nn.Module) -> list[str]:
    """The first part of each key of a module's state dict."""
    return list(dict.fromkeys(key.partition(".")[0] for key in module.state_dict()))


# The pre-activation family: timm's ResNetV2. -----------------------------------------------------

PRE_STEMS = {
    "b": (("stem.conv1", "stem.conv"),),
    "d": (("stem.conv{n}", "stem.conv{n}"), ("stem.norm{n}", "stem.norm{n}")),
}
PRE_ROWS = (
    ("stages.{stage}.{block}.conv{n}", "stages.{stage}.blocks.{block}.conv{n}"),
    ("stages.{stage}.{block}.norm{n}", "stages.{stage}.blocks.{block}.norm{n}"),
    ("stages.{stage}.{block}.shortcut.conv", "stages.{stage}.blocks.{block}.downsample.conv"),
    ("stages.3.last.norm", "norm"),
    ("fc", "head.fc"),
)


def _preresnet(name: str, library: str, _: Mapping[str, Any]) -> Naming:
    depth, variant = name.removeprefix("preresnet").split("_")
    if library != "timm":
        raise UserError(f"{library} cannot hold {name}: it has no pre-activation ResNet; timm has")
    network = f"resnetv2_{depth}" + ("" if variant == "b" else variant)
    return Naming(library, network, PRE_ROWS + PRE_STEMS[variant], conv_head=True)


FAMILIES: dict[str, Callable[[str, str, Mapping[str, Any]], Naming]] = {
    "resnet": _resnet,
    "resnext": _resnet,
    "seresnet": _resnet,
    "preresnet": _preresnet,
    "timm": _timm,
}
