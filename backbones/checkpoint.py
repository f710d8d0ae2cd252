"""Load pretrained weights into a backbone; a key that does not land is an error.

Why so strict: transfer fails silently. Weights under a wrong prefix load as nothing, and the
detector trains from random weights.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from backbones import libraries
from backbones.files import (
    FORMAT,
    Checkpoint,
    abbreviated,
    library_weights,
    opened,
    read,
    read_metadata,
    save,
)
from backbones.registry import build
from tricklift.errors import UserError

__all__ = ["Checkpoint", "check", "load_pretrained", "pretrained", "read", "save", "verify"]

HEAD = "fc."


def load_pretrained(model: nn.Module, ref: str | Path) -> Checkpoint:
    """Load pretrained weights into a network from `backbones.build`, all of them or none.

    The head is loaded where its shape fits and is left as it is where not. Weights of the plain
    network go into one with deformable stages, whose offsets then keep their start. Trailing
    stages that the caller has dropped from `model` are checked all the same.

    Args:
        model: Changed in place.
        ref: An exported file, a ``.pth`` of the cls stage, ``timm/NAME[.TAG]`` or
            ``torchvision/NAME[.WEIGHTS]`` (from the library's cache, or downloaded by it), or a
            file of such weights in the library's own names.

    Returns:
        What was loaded, with its metadata.

    Raises:
        MissingFileError: No such file, or the library cannot get the weights.
        UserError: Another architecture, or keys that are missing, left over or of another shape.
    """
    network: Any = model
    checkpoint = pretrained(network.name, ref, **network.options)
    own = model.state_dict()
    usable = {k: v for k, v in checkpoint.state.items() if k in own and own[k].shape == v.shape}
    plain = added_keys(model)
    missing = [k for k in own if k not in usable and not (k.startswith(HEAD) or k in plain)]
    assert not missing, f"checked, but not in the file: {missing}"
    model.load_state_dict(usable, strict=False)
    return checkpoint


def pretrained(name: str, ref: str | Path, **options: Any) -> Checkpoint:
    """Get the weights that `ref` names, and check that they are those of the backbone `name`.

    Raises: As `load_pretrained`.
    """
    if libraries.is_reference(ref):
        state, metadata = libraries.fetch(str(ref), name)
        checkpoint = Checkpoint(str(ref), state, metadata)
    elif (weights := library_weights(ref)) is not None:
        state, metadata = libraries.renamed(weights, str(ref), name)
        checkpoint = Checkpoint(str(ref), state, metadata)
    else:
        checkpoint = read(ref)
    check(checkpoint, name, **options)
    return checkpoint


def check(checkpoint: Checkpoint, name: str, **options: Any) -> None:
    """Check that all weights of the backbone `name`, and no others, are in `checkpoint`.

    The head is not looked at. What deformable stages add to the plain network is there or not.

    Raises:
        UserError: Another architecture, or keys that are missing, left over or of another shape.
    """
    shapes = {k: tuple(v.shape) for k, v in checkpoint.state.items()}
    _check(name, options, checkpoint.source, checkpoint.metadata["architecture"], shapes)


def verify(name: str, ref: str | Path, **options: Any) -> None:
    """Check a reference as far as it goes without reading weights or using the network.

    Of an exported file the header is checked; of a library's weights, that they are for `name`.

    Raises: As `load_pretrained`.
    """
    if libraries.is_reference(ref):
        libraries.check(str(ref), name)
    elif _is_export(Path(ref)):
        with opened(Path(ref)) as file:
            metadata = read_metadata(file, Path(ref))
            keys = file.keys()
            shapes = {k: tuple(file.get_slice(k).get_shape()) for k in keys}
        _check(name, options, str(ref), metadata["architecture"], shapes)
    else:
        pretrained(name, ref, **options)


def _is_export(path: Path) -> bool:
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    with opened(path) as file:
        return (file.metadata() or {}).get("format") == FORMAT


def added_keys(model: nn.Module) -> set[str]:
    """Keys of what a network has more than the plain one, of modules that say so (`added`)."""
    return {
        f"{name}.{key}"
        for name, module in model.named_modules()
        for key in getattr(module, "added", ())
    }


Shapes = dict[str, tuple[int, ...]]


def _check(name: str, options: dict[str, Any], source: str, held: str, shapes: Shapes) -> None:
    with torch.device("meta"):
        full = build(name, **options)
    wanted = {k: tuple(v.shape) for k, v in full.state_dict().items() if not k.startswith(HEAD)}
    given = {k: shape for k, shape in shapes.items() if not k.startswith(HEAD)}
    added = added_keys(full)
    if added.isdisjoint(given):
        wanted = {k: shape for k, shape in wanted.items() if k not in added}
    missing = [k for k in wanted if k not in given]
    left_over = [k for k in given if k not in wanted]
    reshaped = [
        f"{k} {given[k]} instead of {wanted[k]}"
        for k in wanted
        if given.get(k, wanted[k]) != wanted[k]
    ]
    if held == name and not (missing or left_over or reshaped):
        return
    message = [f"{source} does not fit the backbone {name!r}"]
    if options:
        message[0] += f" with {options}"
    if held != name:
        message.append(f"it holds {held!r}")
    message += [
        f"{what} ({len(keys)}): {abbreviated(keys)}"
        for what, keys in (
            ("keys missing from it", missing),
            ("keys in it that the backbone lacks", left_over),
            ("keys of another shape", reshaped),
        )
        if keys
    ]
    message.append(
        f"set the backbone's name and options to what it holds, or give weights of {name!r}"
    )
    raise UserError("; ".join(message))
