"""Configs that build on ours, whoever reads them: our commands, or OpenMMLab's scripts under `mim`.

- ``_base_ = "tricklift::det/mini/faster_rcnn_fpn.py"`` is a provided config, as ``"mmdet::..."`` is
  one of mmdet. mmengine has a list of packages for that, and ours is not on it.
- A config's own ``custom_imports`` takes the place of its base's, as every list in mmengine; then
  nothing registers the parts that the base names. What is ours stays, in front of it.
"""

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tricklift.errors import UserError, did_you_mean
from tricklift.paths import config_root

__all__ = ["install", "install_once_loaded"]

PREFIX = "tricklift::"
#: Packages whose imports stay.
OURS = ("cls", "det", "seg", "backbones", "tricklift")
_MODULE = "mmengine.config.config"


def install() -> None:
    """Make mmengine's `Config` read both. Idempotent."""
    from mmengine.config import Config

    _patch(Config)


def install_once_loaded() -> bool:
    """`install` where mmengine's `Config` is there already; whether it is."""
    found = getattr(sys.modules.get(_MODULE), "Config", None)
    if found is None:
        return False
    _patch(found)
    return True


def _patch(config: Any) -> None:
    if not hasattr(config._get_cfg_path, "__wrapped__"):
        config._get_cfg_path = staticmethod(_by_name(config._get_cfg_path))
        config._merge_a_into_b = staticmethod(_with_imports(config._merge_a_into_b))


def _by_name(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def get_cfg_path(cfg_path: str, filename: str) -> Any:
        if not cfg_path.startswith(PREFIX):
            return upstream(cfg_path, filename)
        name = cfg_path.removeprefix(PREFIX).removesuffix(".py")
        file = config_root() / f"{name}.py"
        if not file.is_file():
            root = config_root()
            known = [str(f.relative_to(root).with_suffix("")) for f in root.rglob("*.py")]
            raise UserError(
                f"{filename}: _base_ {cfg_path!r} is no provided config"
                f"{did_you_mean(name, known)}; `tricklift list configs` prints them"
            )
        return str(file), None  # no scope: our parts are registered where the config looks

    return get_cfg_path


def _with_imports(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def merge(a: Any, b: Any, allow_list_keys: bool = False) -> Any:
        from mmengine.config import ConfigDict

        result = upstream(a, b, allow_list_keys)
        kept = _ours(b.get("custom_imports")) if isinstance(b, Mapping) else []
        own = result.get("custom_imports") if kept else None
        if isinstance(own, Mapping) and not set(kept) <= set(_names(own)):
            others = [name for name in _names(own) if name not in kept]
            result["custom_imports"] = ConfigDict({**own, "imports": [*kept, *others]})
        return result

    return merge


def _names(imports: Any) -> list[str]:
    held = imports.get("imports") if isinstance(imports, Mapping) else None
    return [held] if isinstance(held, str) else list(held or ())


def _ours(imports: Any) -> list[str]:
    return [name for name in _names(imports) if name.partition(".")[0] in OURS]
