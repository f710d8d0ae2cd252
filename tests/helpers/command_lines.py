"""Command lines in texts, and whether our command line takes them: parsed, not run."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from tricklift.cli import app
from tricklift.cli.training import spread

COMMAND = typer.main.get_command(app)


def walk(command: Any = COMMAND, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command, hidden ones too, with its words."""
    for name, one in command.commands.items():
        below = (*path, name)
        if hasattr(one, "commands"):
            yield from walk(one, below)
        else:
            yield " ".join(below), one


def examples(text: str) -> list[str]:
    """The command lines of a text that begin with `tricklift`, also those inside of others."""
    joined = re.sub(r"\\\n\s*", "", text)
    inner = re.findall(r"[$<]\((tricklift [^()]*)\)", joined)
    lines = re.findall(
        r"^ *(tricklift .*)$", re.sub(r"[$<]\([^()]*\)", "FILE", joined), re.MULTILINE
    )
    return [re.split(r" \| | {2,}\(", line)[0].strip() for line in (*lines, *inner)]


def parse(line: str) -> str:
    """The command that takes a line; as the shell, so by its options, arguments and values.

    Raises:
        UsageError: None does.
    """
    words = spread(shlex.split(line, comments=True)[1:])
    command, context = COMMAND, typer.Context(COMMAND, info_name="tricklift")
    path: list[str] = []
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name, command, words = command.resolve_command(context, words)
        path.append(name)
        context = typer.Context(command, info_name=name, parent=context)
    command.make_context(path[-1] if path else "tricklift", words, resilient_parsing=not path)
    return " ".join(path)
