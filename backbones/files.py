"""Read and write the files that hold a backbone's weights.

The exchange file is safetensors in our names with metadata. Read are also our exports to other
libraries and checkpoints of a training of ours (``.pth``), which say themselves what they hold, and
files of a library's weights.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from backbones import old_checkpoints, pickles
from tricklift.errors import MissingFileError, UserError
from tricklift.records.atomic import replacing
from tricklift.records.schema import CHECKPOINT_KEY, WEIGHT_ENDINGS

FORMAT = "tricklift"
KNOWN = "a tricklift export (.safetensors), a checkpoint of the cls stage (.pth), timm/NAME[.TAG], "
KNOWN += "torchvision/NAME[.WEIGHTS], hf://USER/NAME or a file of a library's weights ("
KNOWN += ".safetensors, .pth, .pth.tar, .ckpt, .bin)"


#: Of state dicts in other dicts.
MOST_DEPTH = 8
#: Bytes of a safetensors header; that of ResNet-152 has 100 kB.
MOST_HEADER = 16 << 20


def _three_numbers(held: Any) -> bool:
    return len(held) == 3 and all(type(v) in (int, float) and math.isfinite(v) for v in held)


#: Metadata that are JSON -> whether a value is one of ours.
_JSON: dict[str, Callable[[Any], bool]] = {
    "options": lambda held: isinstance(held, dict),
    "tricks": lambda held: isinstance(held, list) and all(isinstance(v, str) for v in held),
    "mean": _three_numbers,
    "std": lambda held: _three_numbers(held) and min(held) > 0,
}


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what is known of them.

    Attributes:
        source: The file or the reference that they came from.
        state: Tensors by name: ours (``stem.*``, ``stages.*``, and ``fc.*`` if there is a head);
            empty where the metadata name no ``architecture``.
        metadata: Strings: ``architecture``, ``options`` and ``tricks`` (JSON), ``row``,
            ``dataset``, ``top1``, ``mean`` and ``std`` (JSON; 0..255, RGB), ... as far as they are
            known.
        sets: Of a file that does not say what it holds: its state dicts, by the keys that they lie
            under ('' where the file is one), for `backbones.foreign`.
        beside: What else is in such a file: ``epoch``, ``optimizer``, ...
    """

    source: str
    state: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    sets: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The options that the network was built with."""
        return json.loads(self.metadata.get("options", "{}"))


def read(path: str | Path, ema: bool = False) -> Checkpoint:
    """Read an exported file or a checkpoint of the classification stage.

    Args:
        path: ``.safetensors`` as `save` writes it, or ``.pth`` as a training writes it.
        ema: Take the EMA weights of a ``.pth`` that has them; else the weights as trained.

    Raises:
        MissingFileError: No such file.
        UserError: Not a file of these kinds, or no EMA weights in it.
    """
    found = read_any(path, ema)
    if "architecture" not in found.metadata:
        raise _unknown(path, (key for state in found.sets.values() for key in state))
    return found


def read_any(path: str | Path, ema: bool = False) -> Checkpoint:
    """Read what `read` does, or somebody else's checkpoint, which comes without metadata.

    Raises: As `read`.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(
            f"no pretrained weights at {path}{' (a folder)' if path.is_dir() else ''}; "
            f"give {KNOWN}, or None to start from random weights"
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path, ema)
    if path.suffix in WEIGHT_ENDINGS:
        return _read_pth(path, ema)
    raise UserError(f"cannot read {path}: unknown ending {path.suffix!r}; give {KNOWN}")


def _read_safetensors(path: Path, ema: bool) -> Checkpoint:
    if ema:
        raise UserError(
            f"{path} is an export and holds one set of weights; ask for EMA weights of the .pth "
            "checkpoint that it was made from"
        )
    with path.open("rb") as file:
        if int.from_bytes(file.read(8), "little") > MOST_HEADER:
            raise UserError(
                f"{path} is not a readable safetensors file (its header would have over "
                f"{MOST_HEADER:,} bytes); export or fetch it again"
            )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError, RuntimeError, OSError) as error:
        raise UserError(
            f"{path} is not a readable safetensors file ({error}); export or fetch it again"
        ) from error
    if metadata.get("format") == FORMAT:
        return Checkpoint(str(path), state, _checked(metadata, path))
    if "architecture" in metadata:
        from backbones.libraries import reimported  # which reads files itself

        if ours := reimported(state, _checked(metadata, path)):
            return Checkpoint(str(path), ours, {**metadata, "format": FORMAT})
    return Checkpoint(str(path), {}, sets={"": state})


def _read_pth(path: Path, ema: bool) -> Checkpoint:
    content = pickles.load(path)
    sets = dict(containers(content))
    inside = {key.partition(".")[0] for key in sets}
    beside = tuple(str(key) for key in content if key not in {*inside, *sets.get("", ())})
    foreign = Checkpoint(str(path), {}, sets=sets, beside=beside)
    meta, state = content.get("meta"), content.get("state_dict")
    if not isinstance(meta, dict) or not isinstance(state, dict):
        if not sets:
            raise _unknown(path, content)
        return foreign
    if any(key.startswith("backbone.net.") for key in state):
        raise UserError(
            f"{path} holds a detector or a segmenter, not a classifier; give {KNOWN}, such as the "
            "weights that it started from"
        )
    facts = meta.get(CHECKPOINT_KEY) or old_checkpoints.facts(str(meta.get("cfg", "")))
    if "architecture" not in facts:
        return foreign
    if ema and "ema_state_dict" not in content:
        raise UserError(f"{path} has no EMA weights: it was trained without EMA; leave --ema out")
    if "ema_state_dict" in content and not ema:
        # mmengine's EMAHook swaps them on saving: `state_dict` holds the average, which is what
        # the run validates, and `ema_state_dict` (keys `module.*`) the weights as trained.
        swapped = content["ema_state_dict"].items()
        state = {k.removeprefix("module."): v for k, v in swapped if k.startswith("module.")}
        facts = {key: value for key, value in facts.items() if key != "top1"}
    metadata = {k: v if isinstance(v, str) else json.dumps(v) for k, v in facts.items()}
    prefix = "backbone."
    return Checkpoint(
        str(path),
        {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)},
        _checked({**metadata, "ema": str(ema)}, path),
    )


def _checked(metadata: dict[str, str], path: Path) -> dict[str, str]:
    """Metadata whose JSON is what readers take it for.

    Raises:
        UserError: It is not.
    """
    for key, right in _JSON.items():
        try:
            held = json.loads(metadata.get(key, "null"))
            fits = held is None or right(held)
        except (ValueError, TypeError, RecursionError):
            fits = False
        if not fits:
            raise UserError(
                f"{path}: {key!r} in its metadata is {metadata[key]!r:.60}, which no export of "
                "ours has; export it again where it was made"
            )
    return metadata


def containers(content: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, dict]]:
    """The state dicts in a file, each with the key that it lies under; nested ones too."""
    own = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if own:
        yield path, own
    for key, value in content.items() if path.count(".") < MOST_DEPTH else ():
        if isinstance(value, Mapping) and isinstance(key, str) and "optim" not in key:
            yield from containers(value, f"{path}.{key}".lstrip("."))


def _unknown(path: str | Path, keys: Iterable[str]) -> UserError:
    return UserError(
        f"{path} does not say which backbone it holds (keys: {abbreviated(keys)}), and weights "
        f"alone do not tell ResNet-A from B; give {KNOWN}"
    )


def save(path: str | Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write an exchange file; it appears whole or not at all."""
    with replacing(path) as temporary:
        save_file(
            {k: v.detach().cpu().contiguous() for k, v in state.items()},
            temporary,
            {**metadata, "format": FORMAT},
        )


def abbreviated(keys: Iterable[Any], limit: int = 10) -> str:
    """The first of `keys`, for a message."""
    keys = list(keys)
    return ", ".join(map(str, keys[:limit])) + (", ..." if len(keys) > limit else "")
