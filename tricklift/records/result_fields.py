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
        "versions": Kind("an object of text, or null", (dict,), values=TEXT),
    },
)
SPLIT = Kind("an object", (dict,), inner={"read": TEXTS, "images": COUNT})
DATA = Kind(
    "an object, or null",
    (dict,),
    inner={
        "name": TEXT,
        "digest": TEXT,
        "val_images_in_train": COUNT,
        "splits": Kind("an object, or null", (dict,), values=SPLIT),
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
    "per_class": Kind("an object, or null", (dict,), values=METRICS),
    "tricks": TEXTS,
    "built_in": TEXTS,
    "options": Kind("an object", (dict,)),
    "pretrained": ORIGIN,
    "teacher": ORIGIN,
    "machine": MACHINE,
    "data": DATA,
}
RESULT = Kind("an object", (dict,), inner=FIELDS)


def wrong(data: Any) -> str | None:
    """What is wrong with the content of a result file, None where nothing is."""
    found = data.get("schema") if isinstance(data, dict) else type(data).__name__
    if type(found) is not int or found not in READABLE:
        known = " or ".join(map(str, READABLE))
        return f"is no result file of schema {known} (found {_short(found)})"
    faults = list(_faults(data, RESULT))
    origin = data.get("pretrained")
    if isinstance(origin, dict) and origin and not (origin.get("file") or origin.get("name")):
        faults.append("pretrained (has neither file nor name)")
    if not faults:
        return None
    more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
    return f"lacks a valid {'; '.join(faults[:3])}{more}"


def _faults(value: Any, kind: Kind, place: str = "") -> Iterator[str]:
    """What is wrong with a value and all below it."""
    if not _is(value, kind):
        yield f"{place} ({kind.said}; found {_short(value)})"
        return
    known = kind.inner.items() if isinstance(value, dict) else ()
    for key, inner in known:
        held = value.get(key)
        if held is not None or inner.needed:
            yield from _faults(held, inner, f"{place}.{key}".lstrip("."))
    if kind.values is not None and isinstance(value, dict | list):
        every = value if isinstance(value, dict) else dict(enumerate(value))
        for name, held in every.items():
            if held is not None or isinstance(value, list):
                yield from _faults(held, kind.values, f"{place}.{str(name)[:40]}")


def _short(value: Any) -> str:
    return f"{value!r:.40}"


def _is(value: Any, kind: Kind) -> bool:
    if not isinstance(value, kind.types) or (isinstance(value, bool) and bool not in kind.types):
        return False
    return kind.least is None or float(value) >= kind.least  # type: ignore[arg-type]
