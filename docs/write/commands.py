"""Every command with its words, arguments and options, as `--help` says them."""

import html
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import typer

from tricklift import cli
from tricklift.markdown import grid, paragraphs

#: typer carries a copy of click, whose classes have no public name.
Command = Any
PAGE = "reference/commands.md"
TOP = """# Commands

Written by `python docs/write` from the commands themselves; `tricklift COMMAND --help` says the
same."""


def text() -> str:
    """The page."""
    root = typer.main.get_command(cli.app)
    parts = [TOP, *(section(path, command) for path, command in below(root, "tricklift"))]
    return paragraphs(parts) + "\n"


def below(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """All commands that run something, with their whole names, in the order of `--help`."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name in command.list_commands(command.context_class(command)):
        child = command.commands[name]
        if not child.hidden:
            yield from below(child, f"{path} {name}")


def section(path: str, command: Command) -> str:
    """One command."""
    context = command.context_class(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    return paragraphs(
        [
            f"## {path}",
            f"    {usage}",
            words(command.help or ""),
            table(command, context, "argument"),
            table(command, context, "option"),
        ]
    )


def words(told: str) -> str:
    r"""A help text as markdown: blocks behind `\b` keep their lines."""
    parts = []
    for block in told.strip().split("\n\n"):
        lines = block.strip("\n").splitlines()
        if lines and lines[0].strip() == "\b":
            parts += kept(lines[1:])
        else:
            parts.append(escaped(" ".join(line.strip() for line in lines)))
    return paragraphs(parts)


def kept(lines: list[str]) -> Iterator[str]:
    """Titles, and what is set in below each as it stands; all of a list in columns as it stands."""
    columns = any(re.match(r"\S.*?  +\S", line) for line in lines)
    if columns or not any(line.startswith("  ") for line in lines):
        lines = [f"  {line}" for line in lines]
    for inside, group in groupby(lines, lambda line: line.startswith("  ")):
        if inside:
            yield "\n".join(["```text", *(line.removeprefix("  ") for line in group), "```"])
        else:
            yield escaped(" ".join(group))


def table(command: Command, context: Any, kind: str) -> str:
    """The arguments or the options of a command."""
    lines = []
    for parameter in command.get_params(context):
        if parameter.param_type_name != kind or getattr(parameter, "hidden", False):
            continue
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            lines.append([f"`{record[0]}`", escaped(" ".join(record[1].split()))])
    return grid([kind, ""], lines) if lines else ""


def escaped(told: str) -> str:
    """Words for a page: no markup of HTML, and none of markdown outside of backticks."""
    parts = html.escape(told, quote=False).split("`")
    parts[::2] = [re.sub(r"([*_\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
