"""Load pretrained weights into a backbone; a key that does not land is an error.

Why so strict: transfer fails silently. Weights under a wrong prefix load as nothing, and the
detector trains from random weights.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones import foreign, hub, libraries
from backbones.files import Checkpoint, abbreviated, read, read_any, save
from backbones.registry import build
from tricklift.errors import UserError

__all__ = ["Checkpoint", "check", "load_pretrained", "pretrained", "read", "save"]

HEAD = "fc."


def load_pretrained(
    model: nn.Module, ref: str | Path, weights_from: str | None = None
) -> Checkpoint:
    """Load pretrained weights into a network from `backbones.build`, all of them or none.

    The head is loaded where its shape fits and is left as it is where not (`without_head` tells).
    Weights of the plain network go into one with deformable stages, whose offsets then keep their
    start. Trailing stages that the caller has dropped from `model` are checked all the same.

    Args:
        model: Changed in place.
        ref: An exported file, a ``.pth`` of the cls stage, ``timm/NAME[.TAG]`` or
            ``torchvision/NAME[.WEIGHTS]`` (from the library's cache, or downloaded by it),
            ``hf://USER/NAME`` (`backbones.hub`), or somebody else's checkpoint in the names of a
            library (`backbones.foreign`).
        weights_from: Which weights of such a checkpoint, where it holds several.

    Returns:
        What was loaded, with its metadata.

    Raises:
        MissingFileError: No such file, or the library cannot get the weights.
        UserError: Another architecture, or keys that are missing, left over or of another shape.
    """
    network: Any = model
    checkpoint = pretrained(network.name, ref, weights_from, **network.options)
    own = model.state_dict()
    usable = {k: v for k, v in checkpoint.state.items() if k in own and own[k].shape == v.shape}
    plain = added_keys(model)
    missing = [k for k in own if k not in usable and not (k.startswith(HEAD) or k in plain)]
    assert not missing, f"checked, but not in the file: {missing}"
    model.load_state_dict(usable, strict=False)
    return checkpoint


def without_head(model: nn.Module, checkpoint: Checkpoint) -> str:
    """Why the head of `model` did not come from what was loaded into it; '' where it did."""
    wanted = {key: v.shape for key, v in model.state_dict().items() if key.startswith(HEAD)}
    given = {key: v.shape for key, v in checkpoint.state.items() if key.startswith(HEAD)}
    if given == wanted:
        return ""
    weight = f"{HEAD}weight"
    if weight not in given:
        return (
            f"{checkpoint.source} holds no head, so that of {wanted[weight][0]} classes is random"
        )
    held, asked = (shapes[weight][0] for shapes in (given, wanted))
    return (
        f"{checkpoint.source} has a head of {held} classes, and {asked} were asked for: it is left "
        f"out, and the new one is random; give num_classes={held} to load it"
    )


def pretrained(
    name: str, ref: str | Path | Checkpoint, weights_from: str | None = None, **options: Any
) -> Checkpoint:
    """Get the weights that `ref` names, and check that they are those of the backbone `name`.

    Args:
        name: A name from `backbones.names`.
        ref: As of `load_pretrained`, or what `read_any` gave.
        weights_from: As of `load_pretrained`.
        **options: The network's options.

    Raises: As `load_pretrained`.
    """
    if isinstance(ref, Checkpoint):
        checkpoint = ref
    elif libraries.is_reference(ref):
        checkpoint = libraries.fetch(str(ref), name)
    else:
        checkpoint = read_any(hub.fetch(str(ref)) if hub.is_address(ref) else ref)
    if "architecture" not in checkpoint.metadata:
        checkpoint = libraries.renamed(checkpoint, name, weights_from)
    elif weights_from is not None:
        raise UserError(
            f"{foreign.OPTION} {weights_from!r}: {checkpoint.source} says itself what it holds; "
            "leave it out (EMA weights of a run: export them with --ema)"
        )
    check(checkpoint, name, **options)
    return checkpoint


def added_keys(model: nn.Module) -> set[str]:
    """Keys of what a network has more than the plain one, of modules that say so (`added`)."""
    return {
        f"{name}.{key}"
        for name, module in model.named_modules()
        for key in getattr(module, "added", ())
    }


def check(checkpoint: Checkpoint, name: str, **options: Any) -> None:
    """Check that all weights of the backbone `name`, and no others, are in `checkpoint`.

    The head is not looked at. What deformable stages add to the plain network is there or not.

    Raises:
        UserError: Another architecture, or keys that are missing, left over or of another shape.
    """
    try:
        with torch.device("meta"):
            full = build(name, **options)
    except UserError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise UserError(
            f"{checkpoint.source}: no {name} can be built with {options!r:.200} ({said}); export "
            "the weights again where they were made"
        ) from error
    wanted, given = (
        {key: tuple(value.shape) for key, value in state.items() if not key.startswith(HEAD)}
        for state in (full.state_dict(), checkpoint.state)
    )
    added = added_keys(full)
    if added.isdisjoint(given):
        wanted = {k: shape for k, shape in wanted.items() if k not in added}
    unfit = {
        "keys missing from it": [k for k in wanted if k not in given],
        "keys in it that the backbone lacks": [k for k in given if k not in wanted],
        "keys of another shape": [
            f"{k} {given[k]} instead of {shape}"
            for k, shape in wanted.items()
            if given.get(k, shape) != shape
        ],
    }
    held = checkpoint.metadata["architecture"]
    if held == name and not any(unfit.values()):
        return
    message = [f"{checkpoint.source} does not fit the backbone {name!r}"]
    message[0] += f" with {options}" if options else ""
    message += [f"it holds {held!r}"] if held != name else []
    message += [f"{what} ({len(k)}): {abbreviated(k)}" for what, k in unfit.items() if k]
    message.append(
        f"set the backbone's name and options to what it holds, or give weights of {name!r}"
    )
    raise UserError("; ".join(message))
