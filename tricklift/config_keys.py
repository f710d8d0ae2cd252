"""Keys of a config changed from the command line, and the key that a part did not take.

mmengine takes any key in `--cfg-options` and says nothing about a misspelt one. Here a key must
exist, with three exceptions: what `Runner` itself takes, as a whole; options of `model.backbone`
and of a teacher (the network refuses the ones that it does not know); and a key with a `+` in
front, which says that it is new.
"""

import argparse
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tricklift.compat.start_checks import runner_keys
from tricklift.errors import UserError, did_you_mean

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
OPEN_DICTS = ("model.backbone", "model.distillation.teacher")


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """`['a.b=1', 'c=[x,y]']` as OpenMMLab's `--cfg-options` understands it.

    What stands in quotes, as in `row='+ cosine'`, is text as it is: OpenMMLab drops its spaces.

    Raises:
        UserError: A part has no `=`.
    """
    from mmengine.config import DictAction

    given = list(pairs)
    for pair in given:
        if not pair.partition("=")[0] or "=" not in pair:
            raise UserError(f"--cfg-options takes KEY=VALUE, got {pair!r}")
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="*", action=DictAction, default={})
    found = dict(parser.parse_args(["--cfg-options", *given]).cfg_options) if given else {}
    for pair in given:
        key, _, text = pair.partition("=")
        if QUOTED.fullmatch(text):
            found[key] = text[1:-1]
    return found


def merge_options(cfg: Any, options: Mapping[str, Any]) -> None:
    """Merges dotted keys into an mmengine config, after checking that each is one it has.

    Raises:
        UserError: An unknown key, with the closest known one; or text in the place of a number.
    """
    for key, value in options.items():
        if not key.startswith("+"):
            check_key(cfg, key)
            check_number(cfg, key, value)
    cfg.merge_from_dict({key.removeprefix("+"): value for key, value in options.items()})


def check_key(cfg: Any, key: str) -> None:
    """Refuses a dotted key that the config does not have (see the exceptions above)."""
    top, _, below = key.partition(".")
    if top not in cfg and top in runner_keys():
        if below:
            raise UserError(
                f"config key {key!r}: this config has no {top!r}, so there is nothing to change "
                f"in it; write +{key}=... to add it, or set the whole of {top!r}"
            )
        return
    node: Any = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        above = ".".join(parts[:depth])
        last = depth == len(parts) - 1
        if isinstance(node, list | tuple):
            if not part.isdigit() or int(part) >= len(node):
                raise UserError(
                    f"config key {key!r}: {above!r} is a list of {len(node)}; name an entry by its "
                    f"index 0 to {len(node) - 1}, or set the whole list"
                )
            node = node[int(part)]
            continue
        known = list(node.keys()) if hasattr(node, "keys") else None
        if known is None:
            raise UserError(
                f"config key {key!r}: {above!r} is {node!r} and has no keys below it; "
                "set the whole of it"
            )
        if part in known:
            node = node[part]
            continue
        if last and (above in OPEN_DICTS or part == "_delete_"):
            return
        where = f"{above!r} has" if above else "this config has"
        hint = did_you_mean(part, known if above else {*known, *runner_keys()})
        raise UserError(
            f"unknown config key {key!r}: {where} {', '.join(sorted(known))}"
            f"{hint} (to add a new key on purpose, write +{key}=...)"
        )


#: Numbers in the place of which a word may stand.
WORDS_TOO = ("loss_scale",)


def check_number(cfg: Any, key: str, value: Any) -> None:
    """Refuses text where the config has a number: whatever reads it would fail, or worse.

    Raises:
        UserError: It does; says the number.
    """
    node: Any = cfg
    for part in key.split("."):
        if isinstance(node, list | tuple) and part.isdigit():
            node = node[int(part)]
        elif hasattr(node, "get"):
            node = node.get(part)
        else:
            return
    is_number = isinstance(node, int | float) and not isinstance(node, bool)
    if is_number and isinstance(value, str) and key.split(".")[-1] not in WORDS_TOO:
        raise UserError(
            f"config key {key!r} takes a number, here {node!r}, got {value!r}; give one (to set "
            f"text on purpose, write +{key}=...)"
        )


@contextmanager
def named_by_config(cfg: Any) -> Iterator[None]:
    """Names what a config has that mmengine cannot build, when the parts are built in this block.

    Raises:
        UserError: A type that no registry knows; or a key that a part does not take, in the place
            of its TypeError, if the config has keys of that name (names up to three of them).
    """
    try:
        yield
    except KeyError as error:
        last = list(traceback.walk_tb(error.__traceback__))[-1][0]
        found = re.match(r"(\S+) is not in the (\S+) registry", str(error.args[0]))
        if not found or last.f_code.co_name != "build_from_cfg":
            raise
        registry = last.f_locals["registry"]
        parents = registry.parent.module_dict if registry.parent else ()
        hint = did_you_mean(found[1], {*registry.module_dict, *parents})
        imports = (cfg.get("custom_imports") or {}).get("imports")
        raise UserError(
            f"type={found[1]!r} is not in the {found[2]} registry{hint}; correct it, or import "
            f"what registers it: custom_imports of this config is {imports}"
        ) from error
    except TypeError as error:
        found = re.search(r"(\S+)\(\) got an unexpected keyword argument '(\w+)'", str(error))
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        if not found or "build_from_cfg" not in frames:  # mmengine's, of every registry
            raise
        part, name = found[1].removesuffix(".__init__"), found[2]
        keys = [repr(key) for key in dotted_keys(cfg) if key.split(".")[-1] == name][:3]
        if not keys:
            raise
        raise UserError(
            f"unknown config key {' or '.join(keys)}: {part} takes no {name!r}; check its spelling"
        ) from error


def dotted_keys(node: Any, prefix: str = "") -> Iterator[str]:
    """All keys of nested dicts and lists, as `--cfg-options` names them."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, list | tuple):
        items = enumerate(node)
    elif hasattr(node, "items"):
        items = node.items()
    for key, value in items:
        yield f"{prefix}{key}"
        yield from dotted_keys(value, f"{prefix}{key}.")
