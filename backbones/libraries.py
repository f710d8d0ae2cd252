"""Pretrained weights by a library's name: ``timm/resnet50d.ra2_in1k``, ``torchvision/resnet50``.

The libraries download and cache them themselves; here they are only asked and renamed.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from backbones.naming import Naming, library_naming
from backbones.normalisation import noted
from tricklift.errors import MissingFileError, UserError


def is_reference(ref: str | Path) -> bool:
    """Whether `ref` names weights of a library and not a file."""
    text = str(ref)
    return text.startswith(("timm/", "torchvision/")) and not text.endswith(
        (".safetensors", ".pth", ".pt")
    )


def check(ref: str, name: str) -> tuple[Naming, str]:
    """Check that `ref` names weights that exist and are for the backbone `name`.

    Returns:
        The library's naming, and the tag of the weights.

    Raises:
        UserError: The library lacks the network, the weights are for another one, or the tag is
            unknown.
    """
    library, network, tag = parse_reference(ref)
    naming = library_naming(name, library)
    if network != naming.network:
        raise UserError(
            f"{ref} holds {network!r}, but the backbone {name!r} is {library}'s "
            f"{naming.network!r}; give {library}/{naming.network}, or change the backbone's name"
        )
    _check_tag(library, network, tag)
    return naming, tag


def parse_reference(ref: str) -> tuple[str, str, str]:
    """Library, its name of the network, and the tag of the weights, '' for the library's choice."""
    library, _, given = ref.partition("/")
    network, _, tag = given.partition(".")
    return library, network, tag


def _check_tag(library: str, network: str, tag: str) -> None:
    known = _tags(library, network)
    if not known:
        raise UserError(f"{library} has no pretrained weights for {network!r}")
    if tag and tag not in known:
        raise UserError(f"{library} has no weights {tag!r} of {network!r}; known: {known}")


def _tags(library: str, network: str) -> list[str]:
    if library == "timm":
        import timm

        return [name.partition(".")[2] for name in timm.list_pretrained(f"{network}.*")]
    from torchvision import models

    if network not in models.list_models(module=models):  # without detectors and the like
        return []
    return [*models.get_model_weights(network).__members__, "DEFAULT"]


def fetch(ref: str, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Get a library's pretrained weights of the backbone `name`, in our names, and metadata.

    The metadata has ``mean`` and ``std``, see `backbones.normalisation`.

    Raises:
        UserError: As `check`.
        MissingFileError: Neither in the library's cache nor to be downloaded.
    """
    naming, tag = check(ref, name)
    network = _created(ref, naming.library, naming.network, tag)
    metadata = {"format": naming.library, "architecture": name, "source": ref}
    metadata |= noted(*_in_layers(ref, network))
    return naming.from_library(network.state_dict()), metadata


def timm_statistics(ref: str) -> tuple[list[float], list[float]]:
    """Means and standard deviations in 0..255, RGB, that timm trained the weights `ref` with."""
    import timm

    config = timm.get_pretrained_cfg(ref.removeprefix("timm/"))
    assert config is not None, f"timm has weights {ref}, but does not describe them"
    return [255 * value for value in config.mean], [255 * value for value in config.std]


def statistics(ref: str) -> tuple[list[float], list[float]]:
    """Means and standard deviations in 0..255, RGB, of the images that a library's network takes.

    The network is the one that `whole` gives; see also `_in_layers`.
    """
    library, name, tag = parse_reference(ref)
    if library == "timm":
        return timm_statistics(ref)
    from torchvision.models import get_model_weights

    recipe = get_model_weights(name)[tag or "DEFAULT"].transforms()
    return [255 * value for value in recipe.mean], [255 * value for value in recipe.std]


def _in_layers(ref: str, network: Any) -> tuple[list[float], list[float]]:
    """Those that the layers of a library's `network` see."""
    if getattr(network, "transform_input", False):  # torchvision's Inception changes its images
        return [127.5] * 3, [127.5] * 3
    return statistics(ref)


def whole(ref: str) -> nn.Module:
    """The library's own classifier with the weights that `ref` names, whatever it is built of.

    Returns:
        Maps ``(N, 3, H, W)`` to logits ``(N, K)`` when it is in eval.

    Raises:
        UserError: The library has no such classifier with weights, or not with this tag.
        MissingFileError: Neither in the library's cache nor to be downloaded.
    """
    library, network, tag = parse_reference(ref)
    _check_tag(library, network, tag)
    return _created(ref, library, network, tag)


def renamed(
    weights: dict[str, Tensor], source: str, name: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights from a file in a library's own names, in our names, and metadata.

    Raises:
        UserError: The names are neither timm's nor torchvision's for the backbone `name`.
    """
    # timm's Inception-V3 files may hold the auxiliary head, which its default network lacks.
    weights = {k: v for k, v in weights.items() if not k.startswith("AuxLogits.")}
    reasons = []
    for library in ("timm", "torchvision"):
        try:
            state = library_naming(name, library).from_library(weights)
        except (ValueError, KeyError) as error:
            reasons.append(f"{library}: {error.args[0]}")
        else:
            return state, {"format": library, "architecture": name, "source": source}
    raise UserError(
        f"{source} is no tricklift export, and its weights do not have a library's names for "
        f"{name!r} ({'; '.join(reasons)}); give weights of {name!r}, or change the backbone's name"
    )


def _created(ref: str, library: str, network: str, tag: str) -> nn.Module:
    try:
        with torch.random.fork_rng(devices=[]):
            return _create(library, network, tag)
    except OSError as error:
        raise MissingFileError(
            f"cannot get {ref}: not in the cache of {library} ({_cache(library)}), "
            f"and downloading failed ({type(error).__name__}: {str(error).splitlines()[0]}). "
            "Run once with a network, copy the cache from a machine that has one, or give an "
            "exported file"
        ) from error


def _create(library: str, network: str, tag: str) -> nn.Module:
    if library == "timm":
        import timm

        return timm.create_model(f"{network}.{tag}" if tag else network, pretrained=True)
    from torchvision.models import get_model

    arguments: dict[str, Any] = {"weights": tag or "DEFAULT"}
    return get_model(network, **arguments)


def _cache(library: str) -> str:
    if library == "timm":
        from huggingface_hub.constants import HF_HUB_CACHE

        return f"Hugging Face hub, {HF_HUB_CACHE}"
    return f"torch hub, {Path(torch.hub.get_dir()) / 'checkpoints'}"
