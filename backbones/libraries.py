"""Pretrained weights by a library's name: ``timm/resnet50d.ra2_in1k``, ``torchvision/resnet50``.

The libraries download and cache them themselves; here they are only asked and renamed.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.files import Checkpoint
from backbones.foreign import take
from backbones.naming import LIBRARIES, OWN_NAMES, library_naming
from backbones.normalisation import as_metadata
from backbones.registry import build
from tricklift.errors import MissingFileError, UserError
from tricklift.records.schema import WEIGHT_ENDINGS


def is_reference(ref: str | Path) -> bool:
    """Whether `ref` names weights of a library and not a file."""
    text = str(ref)
    return text.startswith(("timm/", "torchvision/")) and not text.endswith(WEIGHT_ENDINGS)


def parse_reference(ref: str) -> tuple[str, str, str]:
    """Library, its name of the network, and the tag of the weights, '' for the library's choice."""
    library, _, given = ref.partition("/")
    network, _, tag = given.partition(".")
    return library, network, tag


def fetch(ref: str, name: str) -> Checkpoint:
    """Get a library's pretrained weights of the backbone `name`, in our names.

    Raises:
        UserError: The library lacks the network, the weights are for another one, or the tag is
            unknown.
        MissingFileError: Neither in the library's cache nor to be downloaded.
    """
    library, held, _ = parse_reference(ref)
    naming = library_naming(name, library)
    if held != naming.network:
        raise UserError(
            f"{ref} holds {held!r}, but the backbone {name!r} is {library}'s {naming.network!r}; "
            f"give {library}/{naming.network}, or change the backbone's name"
        )
    state = naming.from_library(whole(ref).state_dict())
    metadata = {"format": library, "architecture": name, "source": ref}
    return Checkpoint(ref, state, metadata | as_metadata(*statistics(ref)))


def reimported(
    state: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> dict[str, Tensor] | None:
    """The weights of an export of ours to another library, in our names again.

    Args:
        state: In the library's names.
        metadata: Of the file.

    Returns:
        None where the metadata do not name a library and a network that we know there.
    """
    try:
        options = json.loads(metadata.get("options", "{}"))
        naming = library_naming(metadata["architecture"], metadata.get("format", ""), **options)
        return naming.from_library(state)
    except ValueError:  # UserError is one
        return None


def renamed(weights: Checkpoint, name: str, chosen: str | None = None) -> Checkpoint:
    """The weights of the backbone `name` in somebody else's file, in our names.

    Args:
        weights: Of the file.
        name: Of the backbone; what its weights are called is known, what the file holds is not.
        chosen: Which of several sets, see `foreign.take`.

    Returns:
        With metadata ``read``: which keys were taken, stripped of what, and which were not (JSON).

    Raises:
        UserError: Its weights are in the file in no library's names, or more than once.
    """
    with torch.device("meta"):
        full = build(name).state_dict()
    namings, wanted, heads, reasons = {}, {}, {}, []
    for library in (*LIBRARIES, OWN_NAMES):
        try:
            naming = library_naming(name, library)
            if naming.ambiguous:
                raise UserError(f"{library} calls {naming.ambiguous} the same")
        except UserError as error:
            reasons.append(f"{library}: {str(error).partition('; ')[0]}")
            continue
        namings[library] = naming
        no_head = library == OWN_NAMES and not any(ours == "fc" for ours, _ in naming.rows)
        held = {k: v for k, v in full.items() if not (no_head and k.startswith("fc."))}
        wanted[library] = naming.to_library(held)
        heads[library] = naming.to_library({k: v for k, v in held.items() if k.startswith("fc.")})
    if not wanted:
        raise UserError(
            f"{weights.source} does not say what it holds, and its weights do not have a library's "
            f"names for {name!r} ({'; '.join(reasons)}); give weights of {name!r}, or change the "
            "backbone's name"
        )
    account = take(weights, wanted, heads, name, chosen)
    words = account.taken.words
    ours = namings[words].from_library(account.taken.state)
    read = {"format": words, "architecture": name, "source": weights.source}
    return Checkpoint(
        weights.source, ours, {**read, "read": json.dumps(account.as_data()), "said": str(account)}
    )


def whole(ref: str) -> nn.Module:
    """The library's own classifier with the weights that `ref` names, whatever it is built of.

    Returns:
        Maps ``(N, 3, H, W)`` to logits ``(N, K)`` when it is in eval.

    Raises:
        UserError: The library has no such classifier with weights, or not with this tag.
        MissingFileError: Neither in the library's cache nor to be downloaded.
    """
    library, network, tag = parse_reference(ref)
    create: Callable[[], nn.Module]
    if library == "timm":
        import timm
        from huggingface_hub.constants import HF_HUB_CACHE

        known = [name.partition(".")[2] for name in timm.list_pretrained(f"{network}.*")]
        create = partial(timm.create_model, f"{network}.{tag}" if tag else network, pretrained=True)
        cache = f"Hugging Face hub, {HF_HUB_CACHE}"
    else:
        from torchvision import models

        listed = network in models.list_models(module=models)  # without detectors and the like
        known = [*models.get_model_weights(network).__members__, "DEFAULT"] if listed else []
        create = partial(models.get_model, network, weights=tag or "DEFAULT")
        cache = f"torch hub, {Path(torch.hub.get_dir()) / 'checkpoints'}"
    if not known:
        raise UserError(
            f"{library} has no pretrained weights for {network!r}; "
            "give those of another network, or a file"
        )
    if tag and tag not in known:
        raise UserError(f"{library} has no weights {tag!r} of {network!r}; known: {known}")
    try:
        with torch.random.fork_rng(devices=[]):
            return create()
    except OSError as error:
        raise MissingFileError(
            f"cannot get {ref}: not in the cache of {library} ({cache}), "
            f"and downloading failed ({type(error).__name__}: {str(error).splitlines()[0]}). "
            "Run once with a network, copy the cache from a machine that has one, or give an "
            "exported file"
        ) from error


def statistics(ref: str) -> tuple[list[float], list[float]]:
    """Means and standard deviations in 0..255, RGB, of the images that `whole` of `ref` takes."""
    library, name, tag = parse_reference(ref)
    if library == "timm":
        import timm

        recipe: Any = timm.get_pretrained_cfg(ref.removeprefix("timm/"))
        assert recipe is not None, f"timm has weights {ref}, but does not describe them"
    else:
        from torchvision.models import get_model_weights

        recipe = get_model_weights(name)[tag or "DEFAULT"].transforms()
    return [255 * value for value in recipe.mean], [255 * value for value in recipe.std]
