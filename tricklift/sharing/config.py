"""The resolved config of a run without what is of one machine or user, and secrets found in texts.

A config says which folders, loggers and accounts a run had. Others need none of that.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tricklift import configs
from tricklift.errors import UserError
from tricklift.records import resolved_config

#: Where and how a run was kept and watched.
LEFT_OUT = (
    *("work_dir", "experiment_name", "launcher", "resume", "load_from", "env_cfg", "log_level"),
    *("log_processor", "visualizer", "vis_backends", "imports"),
)
#: Stands for a folder that says nothing to others.
ELSEWHERE = "<elsewhere>"
_NAMES = re.compile("TOKEN|API_?KEY|PASSWORD|SECRET", re.IGNORECASE)
_SECRETS = {
    "a token of the Hugging Face hub": re.compile(r"\bhf_[A-Za-z0-9]{20,}"),
    "a password in an address": re.compile(r"\b[a-z]+://[^/\s:@'\"]+:[^/\s@'\"]+@"),
    "a key or password": re.compile(
        r"(?i)['\"]?\b(?:api_?key|password|secret|token)\b['\"]?\s*[=:]\s*['\"][^'\"]{8,}['\"]"
    ),
}


def shareable(file: Path) -> dict[str, Any]:
    """What the config of a run says, as plain data.

    Folders of data are as the provided config has them (`data/...`), others are left out.

    Args:
        file: The resolved config that mmengine kept in the work dir.

    Raises:
        UserError: It is no such config.
    """
    held = resolved_config.read(file)
    if code := resolved_config.code_in(held):
        raise UserError(f"{file} holds code ({code[0]:.80}); give the config that the run kept")
    kept = {key: value for key, value in held.items() if key not in LEFT_OUT}
    root = os.path.commonpath(list(_roots(kept)) or [""])
    root = "" if root == os.path.dirname(root) else root  # the top of the disk says nothing
    cleaned: dict[str, Any] = relative(kept, root)
    return cleaned


def _roots(value: Any) -> Iterator[str]:
    """The data roots of all sets that a config reads."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "data_root" and isinstance(item, str) and os.path.isabs(item):
                yield _root_of(Path(item))
            yield from _roots(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _roots(item)


def _root_of(folder: Path) -> str:
    """The folder above a set: where `tricklift prepare` noted it, else the set's parent."""
    for above in (folder, *folder.parents):
        if (above / ".tricklift").is_dir():
            return str(above)
        if (above / "manifest.json").is_file():
            return str(above.parent)
    return str(folder.parent)


def relative(value: Any, root: str = "") -> Any:
    """A tree of plain data whose absolute paths are below `data`, or only have their last part."""
    if isinstance(value, Mapping):
        return {str(key): relative(item, root) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [relative(item, root) for item in value]
    if not isinstance(value, str) or not os.path.isabs(value):
        return value
    if short := configs.short_name(value):
        return f"configs/{short}.py"
    inside = root and os.path.commonpath([root, value]) == root
    return f"data/{os.path.relpath(value, root)}" if inside else f"{ELSEWHERE}/{Path(value).name}"


def refuse_secrets(texts: Mapping[str, str]) -> None:
    """Refuses to publish a text that holds a token or password.

    Args:
        texts: File name -> what it would say.

    Raises:
        UserError: Names the file and the kind of secret, never the secret.
    """
    known = {
        f"the value of {key}": value for key, value in os.environ.items() if _NAMES.search(key)
    }
    from huggingface_hub import get_token

    known["your token of the Hugging Face hub"] = get_token() or ""
    for name, text in texts.items():
        found = [what for what, value in known.items() if len(value) >= 8 and value in text]
        found += [what for what, pattern in _SECRETS.items() if pattern.search(text)]
        if found:
            raise UserError(
                f"{name} would show {found[0]}; take it out of the config or result (logins belong "
                "in the environment), and publish again"
            )
