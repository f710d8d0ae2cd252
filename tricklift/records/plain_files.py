"""JSON and YAML from anybody, read as data: bounded in size and depth, every value what it says.

What Python's readers take beyond that and others read differently is refused: keys that stand there
twice, NaN, numbers beyond a double's range, control characters, YAML's tags and multiplied aliases.
"""

import json
import math
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError

#: Bytes of a file, at the most. PyYAML reads about a quarter of a MB in a second.
MOST_JSON = 8 << 20
MOST_YAML = 256 << 10
#: Values of a YAML file, each alias counted as all that it stands for.
MOST_VALUES = 100_000
MOST_DEPTH = 50
#: Whole numbers beyond are no seed, size or count.
MOST_WHOLE = 1 << 64


class _Refused(ValueError):
    """A value that is none for us."""


def read_json(path: str | Path, most_bytes: int = MOST_JSON) -> Any:
    """What a JSON file holds.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is too large, too deep, no JSON, or has one of the values named above.
    """
    return _read(Path(path), most_bytes, "JSON", _json)


def read_yaml(path: str | Path, most_bytes: int = MOST_YAML) -> Any:
    """What a YAML file holds: as `yaml.safe_load`, without what it runs into.

    Raises: As `read_json`.
    """
    return _read(Path(path), most_bytes, "YAML", _yaml)


def _read(path: Path, most_bytes: int, kind: str, parse: Callable[[str], Any]) -> Any:
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file; correct the path")
    if (size := path.stat().st_size) > most_bytes:
        raise UserError(
            f"{path} is not read: it has {size:,} bytes, and such a file has {most_bytes:,} at the "
            "most; is it another one?"
        )
    try:
        held = parse(path.read_text(encoding="utf-8"))
        _check(held, 0)
    except RecursionError:
        said = f"more than {MOST_DEPTH} levels deep"
    except ValueError as error:  # UnicodeDecodeError is one too
        said = " ".join(str(error).split())
    else:
        return held
    raise UserError(f"{path} is not readable as {kind} ({said}); correct it") from None


def _json(text: str) -> Any:
    def refuse(word: str) -> Any:
        raise _Refused(f"{word} is no number of JSON")

    return json.loads(text, object_pairs_hook=_once, parse_constant=refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"{twice!r} stands there twice")
    return found


def _yaml(text: str) -> Any:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count(node, {}, set())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        raise
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        ArithmeticError,
    ) as e:
        # the last ones: PyYAML on `!!int x`, on a date of month 13, on `!!timestamp x`
        raise _Refused(str(e)) from None


def _count(node: Any, known: dict[int, int], above: set[int]) -> int:
    """How many values a node holds, those behind aliases as often as they stand there."""
    import yaml

    if id(node) in above:
        raise _Refused("an alias stands for what it is part of")
    if id(node) not in known:
        inner: list[Any] = []
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            _once([(key, None) for key in keys])
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        if len(above) > MOST_DEPTH:
            raise RecursionError
        known[id(node)] = 1 + sum(_count(part, known, above | {id(node)}) for part in inner)
    if known[id(node)] > MOST_VALUES:
        raise _Refused(f"more than {MOST_VALUES:,} values, with those that aliases multiply")
    return known[id(node)]


def _check(value: Any, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for key, held in value.items():
            _check(key, depth + 1)
            _check(held, depth + 1)
    elif isinstance(value, list | tuple | set):
        for held in value:
            _check(held, depth + 1)
    elif isinstance(value, str):
        if (found := unprintable(value)) is not None:
            raise _Refused(f"control character {found!a} in {value[:40]!a}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise _Refused(f"{value} is no finite number")
    elif isinstance(value, int) and abs(value) >= MOST_WHOLE:
        raise _Refused(f"a number of {value.bit_length()} bits")


def unprintable(text: str) -> str | None:
    """The first character that would steer a terminal or turn its text about, None where none does.

    Line breaks and tabs are none. Half characters (surrogates) cannot be written anywhere.
    """
    if text.isascii() and text.isprintable():
        return None
    odd = (c for c in text if unicodedata.category(c) in ("Cc", "Cs") or c in _TURNS)
    return next((c for c in odd if c not in "\n\t\r"), None)


#: Characters that change the direction of what follows, so that a text reads as another one.
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
