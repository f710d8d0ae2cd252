"""What a result file may hold in each of its fields, for readers of files from anywhere."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tricklift.records.schema import READABLE


class Kind(NamedTuple):
    """What a field takes.

    Attributes:
        said: For messages.
        types: Of Python; a bool is no number.
        needed: Whether it has to be there; one that need not may also be null.
        inner: Of a mapping: what its known keys take.
        values: Of a list or mapping: what all of its values take.
        least: Of a number.
    """

    said: str
    types: tuple[type, ...]
    needed: bool = False
    inner: Mapping[str, "Kind"] = {}
    values: "Kind | None" = None
    least: float | None = None


TEXT = Kind("text", (str,))
NUMBER = Kind("a number", (int, float))
COUNT = Kind("a whole number from 0", (int,), least=0)
POSITIVE = Kind("a number from 0", (int, float), least=0)
WHOLE = Kind("a whole number", (int,))
NAME = Kind("text or a number", (str, int, float))  # what other people's files say of themselves
TEXTS = Kind("a list of text", (list,), values=TEXT)
METRICS = Kind("metrics, each a number or null", (dict,), values=NUMBER)
#: Of the weights that a run starts from.
ORIGIN = Kind(
    "an object, or null",
    (dict,),
    inner={
        **dict.fromkeys(("file", "row", "architecture", "dataset", "config_hash", "name"), TEXT),
        **dict.fromkeys(("data_digest", "sha256", "weights_sha256"), TEXT),
        **{"top1": NUMBER, "seed": NAME, "world_size": NAME},
    },
)
MACHINE = Kind(
    "an object",
    (dict,),
    needed=True,
    inner={
        **dict.fromkeys(("cpu", "device", "torch", "amp_dtype"), TEXT),
        **dict.fromkeys(("cores", "threads"), COUNT),
    },
)
DATA = Kind(
    "an object, or null",
    (dict,),
    inner={
        "name": TEXT,
        "digest": TEXT,
        "val_images_in_train": COUNT,
        "classes": Kind("an object, or null", (dict,), inner={"count": COUNT, "digest": TEXT}),
    },
)
FIELDS: dict[str, Kind] = {
    **dict.fromkeys(("status", "task", "tier", "dataset", "protocol"), TEXT._replace(needed=True)),
    **dict.fromkeys(("row", "config_hash"), TEXT._replace(needed=True)),
    **dict.fromkeys(("version", "backbone", "config", "commit", "started", "finished"), TEXT),
    **dict.fromkeys(("seed", "epochs", "iters", "world_size", "batch_size"), COUNT),
    "wall_seconds": POSITIVE._replace(needed=True),
    **dict.fromkeys(("cpu_seconds", "peak_memory"), POSITIVE),
    "metrics": METRICS._replace(needed=True),
    "best": METRICS,
    "tricks": TEXTS,
    "built_in": TEXTS,
    "options": Kind("an object", (dict,)),
    "pretrained": ORIGIN,
    "teacher": ORIGIN,
    "machine": MACHINE,
    "data": DATA,
}


def wrong(data: Any) -> str | None:
    """What is wrong with the content of a result file, None where nothing is."""
    found = data.get("schema") if isinstance(data, dict) else type(data).__name__
    if type(found) is not int or found not in READABLE:
        known = " or ".join(map(str, READABLE))
        return f"is no result file of schema {known} (found {_short(found)})"
    faults = list(_faults(data, FIELDS, ""))
    origin = data.get("pretrained")
    if isinstance(origin, dict) and origin and not (origin.get("file") or origin.get("name")):
        faults.append("pretrained (has neither file nor name)")
    if not faults:
        return None
    more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"lacks a valid {'; '.join(faults[:3])}{more}"


def _faults(held: Mapping[str, Any], fields: Mapping[str, Kind], place: str) -> Iterator[str]:
    for key, kind in fields.items():
        value = held.get(key)
        if value is None and not kind.needed:
            continue
        where = f"{place}{key}"
        if not _is(value, kind):
            yield f"{where} ({kind.said}; found {_short(value)})"
        elif isinstance(value, dict):
            yield from _faults(value, kind.inner, f"{where}.")
        if kind.values is not None and isinstance(value, dict | list):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            for name, item in inner:
                if not (_is(item, kind.values) or (item is None and isinstance(value, dict))):
                    yield f"{where}.{str(name)[:40]} ({kind.values.said}; found {_short(item)})"


def _short(value: Any) -> str:
    return f"{value!r:.40}"


def _is(value: Any, kind: Kind) -> bool:
    if not isinstance(value, kind.types) or (isinstance(value, bool) and bool not in kind.types):
        return False
    return kind.least is None or float(value) >= kind.least  # type: ignore[arg-type]
