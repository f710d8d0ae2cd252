"""RedNet: a ResNet whose 3x3 convolutions are involutions.

Paper: Li, Hu, Wang, Li, She, Zhu, Zhang, Chen, "Involution: Inverting the Inherence of Convolution
for Visual Recognition", CVPR 2021 (arXiv:2103.06255), section 4.1 and Table 1; the details from the
authors' code (github.com/d-li14/involution, ``cls/mmcls/models/backbones/rednet.py``).

The bottleneck's 3x3 is an involution of kernel 7 in all four stages, stride on it; shortcuts are
strided 1x1 convolutions. The stem is the deep one with an involution in its middle: kernel 3 in the
authors' classification code, 7 in their detection code. Both are one option here, ``stem_kernel``;
weights of a classifier go into a detector with either (`with_stem_kernel`).
"""

import json
from functools import partial
from pathlib import Path
from typing import Unpack

from backbones.blocks import Bottleneck, Shortcut
from backbones.files import read, save
from backbones.involution import Involution, resized_generator
from backbones.registry import register
from backbones.residual import DEPTHS as RESNET_DEPTHS
from backbones.residual import Common, residual_net
from backbones.staged import StagedNet
from backbones.stems import DeepStem
from tricklift.errors import UserError

DEPTHS = {26: (1, 2, 4, 1), 38: (2, 3, 5, 2), **{n: RESNET_DEPTHS[n] for n in (50, 101, 152)}}
GENERATOR = "stem.conv2.span."


def rednet(
    num_classes: int, *, depth: int, stem_kernel: int = 3, **common: Unpack[Common]
) -> StagedNet:
    """Build a RedNet of the given depth (26, 38, 50, 101, 152).

    Args:
        stem_kernel: Kernel of the stem's involution, 3 or 7.
        **common: See `Common`; `width` gives multiples of 32, for 16 in half a stem. `zero_gamma`
            is on by default, as in the authors' code: an involution is quadratic in its input, and
            without it the maps of a network that has hardly trained grow beyond all bounds in
            evaluation. How an involution is dilated: see `Involution`.

    Raises:
        UserError: `stem_kernel` or one of `common` is out of range.
    """
    _check(stem_kernel)
    common.setdefault("zero_gamma", True)
    return residual_net(
        num_classes,
        stem=partial(DeepStem, spatial=partial(Involution, kernel=stem_kernel)),
        depths=DEPTHS[depth],
        blocks=[partial(Bottleneck, spatial=Involution)] * 4,
        expansion=Bottleneck.expansion,
        shortcut=Shortcut,
        multiple=32,
        **common,
    )


def _check(stem_kernel: int) -> None:
    if stem_kernel not in (3, 7):
        raise UserError(
            f"stem_kernel must be 3 (the authors' classifier) or 7 (their detector); got "
            f"{stem_kernel!r}"
        )


def with_stem_kernel(checkpoint: str | Path, out: str | Path, stem_kernel: int = 7) -> None:
    """Write the RedNet in `checkpoint` to `out` with a larger stem kernel and the same function.

    Args:
        checkpoint: A ``.safetensors`` export or a ``.pth`` of the classification stage.
        out: The ``.safetensors`` to write; a detector with ``stem_kernel=7`` loads it.
        stem_kernel: 3 or 7; not smaller than the file's own.

    Raises:
        MissingFileError: No such checkpoint.
        UserError: Not a RedNet, another ending of `out`, or a kernel that does not fit.
    """
    source, out = read(checkpoint), Path(out)
    name = source.metadata["architecture"]
    if not name.startswith("rednet"):
        raise UserError(
            f"{checkpoint} holds {name!r}, and only a rednet has a stem kernel; give one"
        )
    if out.suffix != ".safetensors":
        raise UserError(f"with_stem_kernel writes .safetensors; got {out.name!r}")
    _check(stem_kernel)
    old = source.options.get("stem_kernel", 3)
    state = {
        key: resized_generator(value, old, stem_kernel) if key.startswith(GENERATOR) else value
        for key, value in source.state.items()
    }
    options = json.dumps({**source.options, "stem_kernel": stem_kernel})
    save(out, state, {**source.metadata, "options": options})


register(
    "rednet",
    "Li et al., Involution: Inverting the Inherence of Convolution, CVPR 2021",
    "arXiv:2103.06255, Table 1; github.com/d-li14/involution",
    {f"rednet{depth}": partial(rednet, depth=depth) for depth in DEPTHS},
    built_in=("zero_gamma",),
)
