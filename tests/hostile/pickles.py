"""Pickles written opcode by opcode: what no `pickle.dumps` would write."""

import pickle
import struct
from typing import Any, NamedTuple

#: A file that code in a hostile file would write.
CANARY = "/tmp/tricklift-hostile-canary"


class Global(NamedTuple):
    """A class or function by its name."""

    module: str
    name: str


class Call(NamedTuple):
    """A function called with arguments (REDUCE)."""

    function: Any
    arguments: Any


class Set(NamedTuple):
    """An object that is given a state (BUILD)."""

    owner: Any
    state: Any


class Persistent:
    """A storage, as torch refers to it."""

    def __init__(self, reference: Any) -> None:
        self.reference = reference


def pickled(value: Any, protocol: int = 2) -> bytes:
    """A whole pickle of a value."""
    return b"\x80" + bytes([protocol]) + _body(value) + pickle.STOP


def _body(value: Any) -> bytes:
    if isinstance(value, Global):
        return f"c{value.module}\n{value.name}\n".encode("utf-8", "replace")
    if isinstance(value, Call):
        return _body(value.function) + _body(value.arguments) + pickle.REDUCE
    if isinstance(value, Set):
        return _body(value.owner) + _body(value.state) + pickle.BUILD
    if isinstance(value, Persistent):
        return _body(value.reference) + pickle.BINPERSID
    if isinstance(value, tuple):
        return pickle.MARK + b"".join(map(_body, value)) + pickle.TUPLE
    if isinstance(value, list):
        return pickle.EMPTY_LIST + pickle.MARK + b"".join(map(_body, value)) + pickle.APPENDS
    if isinstance(value, dict):
        items = b"".join(_body(key) + _body(held) for key, held in value.items())
        return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return pickle.BINUNICODE + struct.pack("<I", len(text)) + text
    if isinstance(value, bool) or value is None:
        return {True: pickle.NEWTRUE, False: pickle.NEWFALSE, None: pickle.NONE}[value]
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return pickle.BININT + struct.pack("<i", value)
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return pickle.LONG1 + bytes([len(data)]) + data
    if isinstance(value, float):
        return pickle.BINFLOAT + struct.pack(">d", value)
    raise TypeError(f"cannot write {type(value).__name__}")
