"""Which very weights a run was given, so that a later look finds whether they have changed since.

A config's hash counts an export as what it was trained with, whatever its numbers: seeds of a
pretraining share a row. So a hash of the numbers stands beside the file's name in the result, and
is no part of the run's identity.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.records.identity import header_of, loaded_of, weights_origin, weights_sources

#: In the entries `pretrained` and `teacher` of a result. `sha256` in `pretrained` is another thing:
#: that of the checkpoint of `load_from`, which is part of the run's identity.
KEY = "weights_sha256"


def weights_sha256(path: str | Path) -> str | None:
    """sha256 (hex) of the weights in a file, None where it is no file here.

    Of a safetensors file that is names, shapes and numbers: its metadata, which are written in
    any order and name the version of the writer, do not count. Other files count as a whole.
    """
    path = Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.sha256()
        if path.suffix == ".safetensors":
            header = header_of(file)
            header.pop("__metadata__", None)
            digest.update(json.dumps(header, sort_keys=True).encode())
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def weights_entries(cfg: Mapping[str, Any], pretrained: dict[str, Any] | None) -> dict[str, Any]:
    """The entries `pretrained` and `teacher` of a new result; None where there are none.

    Args:
        cfg: The resolved config.
        pretrained: What `identity.pretrained_of` says.
    """
    sources = weights_sources(cfg)
    if pretrained is not None and not loaded_of(cfg):
        pretrained |= _hash_of(sources["pretrained"])
    told = sources.get("teacher")
    teacher = weights_origin(told) | _hash_of(told) if told else None
    return {"pretrained": pretrained, "teacher": teacher}


def changed(cfg: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """The files that a config names which hold other weights than the result's run was given.

    A result without such a hash, and a file that is not there, say nothing.
    """
    found = []
    for key, source in weights_sources(cfg).items():
        before = (result.get(key) or {}).get(KEY)
        now = weights_sha256(source) if before else None
        if now and now != before:
            found.append(source)
    return found


def _hash_of(source: str) -> dict[str, str]:
    found = weights_sha256(source)
    return {KEY: found} if found else {}
