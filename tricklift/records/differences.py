"""Why a run is not the one that its config would do now: in words, for who has to run it again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tricklift.records import resolved_config
from tricklift.records.identity import ROOT, config_hash, deciding, read_header, weights_sources
from tricklift.records.schema import SCHEMA
from tricklift.records.weights import changed

#: So many changed keys are named.
MOST = 3
#: In the place of a value that is not there.
GONE = object()


def since(result: Mapping[str, Any], cfg: Mapping[str, Any], seed: int, work_dir: Path) -> str:
    """What has changed since a run began; empty where nothing that decides its numbers has.

    Args:
        result: Its record.
        cfg: The resolved config, as it would run now.
        seed: With which it would run now.
        work_dir: Where it was kept, with the config that it ran.
    """
    if result.get("seed") != seed:
        return f"seed {result.get('seed')}, not {seed}"
    if config_hash(cfg) != result.get("config_hash"):
        return _of_config(result, cfg, work_dir)
    if other := changed(cfg, result):
        return f"other numbers in {', '.join(other)}"
    return ""


def _of_config(result: Mapping[str, Any], cfg: Mapping[str, Any], work_dir: Path) -> str:
    """What another hash comes from, as far as the work dir tells."""
    if result.get("schema") != SCHEMA:
        return f"recorded by version {result.get('version')}, whose hash does not compare"
    for key, source in weights_sources(cfg).items():
        before, now = (result.get(key) or {}).get("config_hash"), read_header(source)
        if before and now.get("config_hash") not in (None, before):
            return f"{source} is of another training"
    file = resolved_config.kept(work_dir, str(result.get("config")))
    if not file.is_file():
        return "another config"
    then = deciding(resolved_config.read(file))
    keys = list(differing(then, deciding(cfg)))
    more = f" and {len(keys) - MOST} more" if len(keys) > MOST else ""
    return f"config: {', '.join(keys[:MOST])}{more}" if keys else "another config"


def differing(before: Any, now: Any) -> Iterator[str]:
    """`key: before -> now` of each place where two trees of plain data differ."""
    for key, old, new in differences(before, now):
        yield f"{key} {short(old)} -> {short(new)}"


def differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Key, value before and value now of each place where two trees of plain data differ.

    A value that is not there is `GONE`.
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            old, new = before.get(name, GONE), now.get(name, GONE)
            yield from differences(old, new, _below(key, name))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from differences(old, new, _below(key, index))
    elif before != now and not _elsewhere(before, now):
        yield key, before, now


def _elsewhere(before: Any, now: Any) -> bool:
    """Whether two values are one path below the data root, which lay elsewhere then."""
    if not isinstance(before, str) or not isinstance(now, str):
        return False
    return now.startswith(ROOT) and before.endswith(now.removeprefix(ROOT))


def _below(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def short(value: Any) -> str:
    """A value in few letters."""
    text = "not set" if value is GONE else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
