"""Read and write the files that hold a backbone's weights.

The exchange file is safetensors in our names with metadata; checkpoints of the classification
stage (``.pth``) are read too.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from backbones import pickles
from backbones.normalisation import of_training
from backbones.provenance import run_of
from tricklift.errors import MissingFileError, UserError
from tricklift.records.atomic import replacing

FORMAT = "tricklift"
KNOWN = "a tricklift export (.safetensors), a checkpoint of the cls stage (.pth), timm/NAME[.TAG], "
KNOWN += "torchvision/NAME[.WEIGHTS] or a file of their weights"


@dataclass(frozen=True)
class Checkpoint:
    """Weights in our names, and what is known of them.

    Attributes:
        source: The file or the reference that they came from.
        state: Tensors by name (``stem.*``, ``stages.*``, and ``fc.*`` if there is a head).
        metadata: Strings: ``architecture``, ``options`` and ``tricks`` (JSON), ``num_classes``,
            ``row``, ``dataset``, ``top1``, ``mean`` and ``std`` (JSON; 0..255, RGB), ... as far as
            they are known.
    """

    source: str
    state: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The options that the network was built with."""
        return json.loads(self.metadata.get("options", "{}"))


def read(path: str | Path, ema: bool = False) -> Checkpoint:
    """Read an exported file or a checkpoint of the classification stage.

    Args:
        path: ``.safetensors`` as `save` writes it, or ``.pth``/``.pt`` as mmengine writes it.
        ema: Take the averaged weights of a ``.pth`` that has them; else the weights as trained.

    Raises:
        MissingFileError: No such file.
        UserError: Not a file of these kinds, or no EMA weights in it.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(
            f"no pretrained weights at {path}{' (a folder)' if path.is_dir() else ''}; "
            f"give {KNOWN}, or None to start from random weights"
        )
    if path.suffix == ".safetensors":
        if ema:
            raise UserError(
                f"{path} is an export and holds one set of weights; ask for EMA weights "
                "of the .pth checkpoint that it was made from"
            )
        with opened(path) as file:
            metadata = read_metadata(file, path)
            state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not iterable)
            return Checkpoint(str(path), state, metadata)
    if path.suffix in (".pth", ".pt"):
        return _read_pth(path, ema)
    raise UserError(f"cannot read {path}: unknown ending {path.suffix!r}; give {KNOWN}")


def library_weights(path: str | Path) -> dict[str, Tensor] | None:
    """The state dict in a file that is neither our export nor a checkpoint of the cls stage.

    Returns:
        Tensors by their names in the library that wrote the file (``.safetensors``, or a ``.pth``
        that holds nothing but tensors); None for every other file, which `read` is for.
    """
    path = Path(path)
    if path.suffix == ".safetensors" and path.is_file():
        with opened(path) as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                return {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not iterable)
    elif path.suffix in (".pth", ".pt") and path.is_file():
        content = pickles.load(path)
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return content
    return None


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise UserError(f"{path} is not a readable safetensors file ({error})") from error


def read_metadata(file: Any, path: Path) -> dict[str, str]:
    metadata = file.metadata() or {}
    if metadata.get("format") != FORMAT or "architecture" not in metadata:
        raise UserError(
            f"{path} is no tricklift export (its metadata says format="
            f"{metadata.get('format')!r}); export the checkpoint again with --to tricklift"
        )
    return metadata


def _read_pth(path: Path, ema: bool) -> Checkpoint:
    content = pickles.load(path)
    config = pickles.literals(str(content.get("meta", {}).get("cfg", "")))
    model = config.get("model", {})
    backbone = dict(model.get("backbone", {})) if isinstance(model, dict) else {}
    if "name" not in backbone or "state_dict" not in content:
        raise UserError(
            f"{path} is no checkpoint of the cls stage: it does not say which backbone it holds "
            f"(keys: {abbreviated(content)}); weights alone do not tell ResNet-A from B"
        )
    if any(key.startswith("backbone.net.") for key in content["state_dict"]):
        raise UserError(
            f"{path} holds a detector or a segmenter, not a classifier; give {KNOWN}, such as the "
            "weights that it started from"
        )
    state = {
        key.removeprefix("backbone."): value
        for key, value in _weights(content, path, ema).items()
        if key.startswith("backbone.")
    }
    metadata = {
        "architecture": str(backbone.pop("name")),
        "num_classes": str(model.get("num_classes", "")),
        "row": str(config.get("row", "")),
        "tricks": json.dumps(config.get("tricks", [])),
        "dataset": str((config.get("benchmark") or {}).get("dataset", "")),
        "ema": str(ema),
        **of_training(model.get("data_preprocessor")),
    }
    settings = ("type", "num_classes", "checkpoint", "init_cfg")
    options = {k: v for k, v in backbone.items() if k not in settings}
    metadata["options"] = json.dumps(options)
    metadata.update(run_of(path, averaged=None if "ema_state_dict" not in content else ema))
    return Checkpoint(str(path), state, {k: v for k, v in metadata.items() if v})


def _weights(content: dict[str, Any], path: Path, ema: bool) -> dict[str, Tensor]:
    """The trained or the averaged weights.

    mmengine's EMAHook swaps the two on saving: with EMA, ``state_dict`` holds the average and
    ``ema_state_dict`` (keys ``module.*``) the weights as trained.
    """
    if "ema_state_dict" not in content:
        if ema:
            raise UserError(f"{path} has no EMA weights: it was trained without EMA")
        return content["state_dict"]
    if ema:
        return content["state_dict"]
    swapped = content["ema_state_dict"].items()
    return {k.removeprefix("module."): v for k, v in swapped if k.startswith("module.")}


def save(path: str | Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write an exchange file; it appears whole or not at all."""
    with replacing(path) as temporary:
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in state.items()},
            temporary,
            {**metadata, "format": FORMAT},
        )


def abbreviated(keys: Any, limit: int = 10) -> str:
    """The first of `keys`, for a message."""
    keys = list(keys)
    return ", ".join(map(str, keys[:limit])) + (", ..." if len(keys) > limit else "")
