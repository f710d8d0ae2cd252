"""Finding a config by path or short name, and changing it from the command line.

mmengine takes any key in `--cfg-options` and says nothing about a misspelt one. Here a key must
exist, with three exceptions: what `Runner` itself takes, options of `model.backbone` and of a
teacher (the network refuses the ones that it does not know), and a key with a `+` in front, which
says that it is new.
"""

import argparse
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tricklift.errors import did_you_mean
from tricklift.paths import config_root

OPEN_DICTS = ("model.backbone", "model.distillation.teacher")


def short_names() -> list[str]:
    """Names of all provided leaf configs, such as `cls/mini/resnet18_b-baseline`."""
    root = config_root()
    files = [file.relative_to(root) for file in sorted(root.rglob("*.py"))]
    return [str(file.with_suffix("")) for file in files if file.parts[0] != "_base_"]


def short_name(path: str | Path) -> str | None:
    """The short name of a provided config's file, None for a file from elsewhere."""
    file, root = Path(path).resolve(), config_root().resolve()
    return str(file.relative_to(root).with_suffix("")) if file.is_relative_to(root) else None


def find_config(reference: str | Path) -> Path:
    """File of a config given as a path or as a short name.

    Raises:
        ValueError: There is no such file or name; says the closest name.
    """
    if Path(reference).is_file():
        return Path(reference)
    name = str(reference).removeprefix("./").removeprefix("configs/").removesuffix(".py")
    file = config_root() / f"{name}.py"
    if file.is_file():
        return file
    names = short_names()
    hint = did_you_mean(name, names)
    raise ValueError(
        f"no config {str(reference)!r}: neither a file nor the name of a provided one{hint} "
        "('tricklift config --list' prints all names)"
    )


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """`['a.b=1', 'c=[x,y]']` as OpenMMLab's `--cfg-options` understands it.

    Raises:
        ValueError: A part has no `=`.
    """
    from mmengine.config import DictAction

    given = list(pairs)
    for pair in given:
        if not pair.partition("=")[0] or "=" not in pair:
            raise ValueError(f"--cfg-options takes KEY=VALUE, got {pair!r}")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="*", action=DictAction, default={})
    return dict(parser.parse_args(["--cfg-options", *given]).cfg_options) if given else {}


def merge_options(cfg: Any, options: Mapping[str, Any]) -> None:
    """Merges dotted keys into an mmengine config, after checking that each is one it has.

    Raises:
        ValueError: An unknown key, with the closest known one.
    """
    for key in options:
        if not key.startswith("+"):
            check_key(cfg, key)
    cfg.merge_from_dict({key.removeprefix("+"): value for key, value in options.items()})


def check_key(cfg: Any, key: str) -> None:
    """Refuses a dotted key that the config does not have (see the exceptions above)."""
    from mmengine.runner import Runner

    node: Any = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        above = ".".join(parts[:depth])
        last = depth == len(parts) - 1
        if isinstance(node, list | tuple):
            if not part.isdigit() or int(part) >= len(node):
                raise ValueError(
                    f"config key {key!r}: {above!r} is a list of {len(node)}; name an entry by its "
                    f"index 0 to {len(node) - 1}, or set the whole list"
                )
            node = node[int(part)]
            continue
        known = list(node.keys()) if hasattr(node, "keys") else None
        if known is None:
            raise ValueError(f"config key {key!r}: {above!r} is {node!r} and has no keys below it")
        if part in known:
            node = node[part]
            continue
        if last and (above in OPEN_DICTS or part == "_delete_"):
            return
        if depth == 0 and part in inspect.signature(Runner.__init__).parameters:
            return
        where = f"{above!r} has" if above else "this config has"
        raise ValueError(
            f"unknown config key {key!r}: {where} {', '.join(sorted(known))}"
            f"{did_you_mean(part, known)} (to add a new key on purpose, write +{key}=...)"
        )
