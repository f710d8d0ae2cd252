"""How results came about: commits, configs, machines, what was typed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tricklift import configs
from tricklift.errors import UserError
from tricklift.markdown import count
from tricklift.records.plain_files import read_json
from tricklift.tables.paper_rows import config_of
from tricklift.tables.records import COMMANDS_FILE, Record, walk


def commit(record: Record) -> str:
    """`1f5b11ac`, with a `+` where the source tree had changes."""
    told = record["commit"] or "unknown"
    return told[:8] + ("+" if told.endswith("-dirty") else "")


def config_name(record: Record) -> str:
    """The short name of a provided config, wherever the run's tree stood; else that of the file."""
    name = config_of(record)
    if name not in configs.short_names():
        name = Path(str(record["config"])).name
    if record.pretrained and record["task"] != "cls":
        return f"{name}, {record['backbone']}"
    return name


def machine_texts(done: Iterable[Record]) -> list[str]:
    """Each machine that runs computed on, with the kinds of numbers that it computed in."""
    texts: dict[str, set[Any]] = {}
    for record in done:
        it = record["machine"]
        device = "" if it.get("device", "cpu") == "cpu" else f", {it['device']}"
        text = (
            f"{it.get('cpu')}, {count(it.get('cores'), 'core')}, "
            f"{count(it.get('threads'), 'thread')}{device}, torch {it.get('torch')}"
        )
        texts.setdefault(text, set()).add(it.get("amp_dtype"))
    return [f"{text}; {', '.join(sorted(map(str, kinds)))}" for text, kinds in texts.items()]


def typed(folder: Path) -> list[str]:
    """What was typed, as `tricklift run` and `demo` noted it in the folder or below, by time.

    Raises:
        UserError: A note is not readable.
    """
    notes: list[tuple[str, str]] = []  # when ('' where that is not known), and what
    for file in sorted(walk(folder, COMMANDS_FILE)):
        try:
            entries = read_json(file)
            notes += [(str(it.get("started") or ""), str(it["command"])) for it in entries]
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{file} is not readable ({error}); remove it") from error
    return list(dict.fromkeys(command for _, command in sorted(notes, key=lambda note: note[0])))
