"""`tricklift list`: the backbones, tricks, configs, tiers and data sets that there are."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli.groups import Group
from tricklift.cli.options import WHERE, AsJson, Root, TextFile
from tricklift.cli.tables import emit

#: Columns of a table that goes into a file or another program.
PIPED_WIDTH = 240


def backbones(
    as_json: AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help=f"{WHERE}: a file, for the page of all backbones with its picture, or for the "
            "JSON.  [default: a table in the terminal]",
        ),
    ] = None,
) -> None:
    """List the backbones, with parameters, MACs, published top-1, channels and strides.

    A name goes into `--backbone`, `--backbones` or `model.backbone.name`; any other network of timm
    is `timm/NAME`.

    \b
    With one of your own, and as the page docs/backbones.md:
      tricklift list backbones --import mynet.py
      tricklift list backbones --out backbones.md
    """
    entries = _described()
    if out is not None and as_json:
        emit(json.dumps(entries, indent=2) + "\n", out)
    elif out is not None:
        from tricklift.tables.backbone_page import write_page

        print(*write_page(out, entries), sep="\n")
    elif as_json:
        print(json.dumps(entries, indent=2))
    else:
        _print_backbones(entries)


def _described() -> list[dict[str, Any]]:
    """All backbones; on stderr, how many of them are counted."""
    from rich.console import Console
    from rich.progress import Progress

    from backbones.describe import describe_all

    console = Console(stderr=True)
    if not console.is_terminal:
        print("building every backbone to count it, some seconds", file=sys.stderr, flush=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("building every backbone to count it", total=None)
        return describe_all(lambda done, total: bar.update(task, completed=done, total=total))


#: Column -> its cell; the last ones have no place in a narrow terminal.
COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "name": lambda entry: entry["name"],
    "params": lambda entry: f"{entry['params']:,}",
    "GMACs": lambda entry: f"{entry['macs'] / 1e9:.2f}",
    "input": lambda entry: str(entry["input_size"]),
    "top-1": lambda entry: entry["published_top1"] or "",
    "channels": lambda entry: " ".join(map(str, entry["channels"])),
    "strides": lambda entry: " ".join(map(str, entry["strides"])),
    "built in": lambda entry: ", ".join(entry["built_in"]),
    "paper": lambda entry: entry["paper"],
    "source": lambda entry: entry["source"],
}
NUMBERS = ("params", "GMACs", "input")
#: Columns that a terminal must have for papers and sources, which may wrap.
WIDE = 200


def _print_backbones(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console = console if console.is_terminal else Console(width=PIPED_WIDTH)
    shown = columns_for(console.width, entries)
    table = Table(box=None, pad_edge=False)
    for title in shown:
        wraps = title in ("paper", "source")
        justify: Any = "right" if title in NUMBERS else "left"
        table.add_column(title, justify=justify, overflow="fold", no_wrap=not wraps)
    for entry in entries:
        table.add_row(*(COLUMNS[title](entry) for title in shown))
    console.print(table)
    if left := [title for title in COLUMNS if title not in shown]:
        print(
            f"not shown at this width: {', '.join(left)}; --json or --out FILE has all",
            file=sys.stderr,
        )


def columns_for(width: int, entries: list[dict[str, Any]]) -> list[str]:
    """The columns that stand in a terminal so wide, each entry on one line but in a wide one."""
    if width >= WIDE:
        return list(COLUMNS)
    shown: list[str] = []
    for title in list(COLUMNS)[:-2]:
        width -= max(len(title), *(len(COLUMNS[title](entry)) for entry in entries)) + 1
        if width < -1 and shown:
            break
        shown.append(title)
    return shown


def tricks(as_json: AsJson = False, out: TextFile = None) -> None:
    """List the tricks, with the tasks that each is for.

    \b
    A name goes into `--tricks`, or into the `use` line of a config:
      tricklift list tricks
      tricklift train cls/mini/resnet18_b-baseline --tricks efficient,cosine
    """
    from tricklift.tricks.names import described

    entries = [dict(zip(("name", "tasks", "about"), one, strict=True)) for one in described()]
    _give(entries, as_json, out, lambda one: (one["name"], "/".join(one["tasks"]), one["about"]))


def configs(as_json: AsJson = False, out: TextFile = None) -> None:
    """List the configs, with what each is for.

    \b
    A name is enough for `train` and `test`; `config path` gives the file:
      tricklift list configs
      tricklift config show det/mini/faster_rcnn_fpn
      mim train mmdet $(tricklift config path det/mini/faster_rcnn_fpn)
    """
    from tricklift.configs import find_config, short_names, summary

    entries = [
        {"name": name, "path": str(find_config(name).resolve()), "about": summary(name)}
        for name in short_names()
    ]
    _give(entries, as_json, out, lambda one: (one["name"], one["about"]))


def tiers(as_json: AsJson = False, out: TextFile = None) -> None:
    """List the tiers: which data, rows and heads each has.

    \b
    A name, or a file of your own (docs/tiers.md), goes into `run` and `plan`:
      tricklift list tiers
      tricklift plan small --out runs/small
    """
    from tricklift.suite import tier_file

    entries: list[dict[str, Any]] = []
    for name in tier_file.names():
        tier = tier_file.read(name)
        entries.append(
            {
                "name": name,
                "about": tier.about,
                "data": tier.data,
                "rows": tier.row_names(),
                "heads": [head.name for head in tier.heads],
                "seeds": list(tier.seeds),
            }
        )
    own = "data of your own: --cls DIR, --det DIR, --seg DIR (docs/your-data.md)"
    entries.append({"name": "own", "about": own, "data": {}, "rows": [], "heads": [], "seeds": []})

    def cells(one: dict[str, Any]) -> tuple[str, str, str]:
        return one["name"], f"{len(one['rows'])} rows" if one["rows"] else "-", one["about"]

    _give(entries, as_json, out, cells)


def datasets(root: Root = Path("data"), as_json: AsJson = False, out: TextFile = None) -> None:
    """List the data sets, and which of them lie below the root.

    Only folders are looked for; `tricklift prepare NAME` puts a set in place or checks it, and
    `tricklift doctor` says whether those that are there are known.

    \b
    What there is, and one of them put in place:
      tricklift list datasets --root data
      tricklift prepare miniworld --root data
    """
    from tricklift.data.prepare import about

    if not root.is_dir():
        what = "is a file" if root.exists() else "is not there"
        print(f"note: --root {root} {what}, so no data set is there", file=sys.stderr)
    entries = [
        {**one, "path": str(root / one["folder"]), "there": (root / one["folder"]).is_dir()}
        for one in about()
    ]
    _give(
        entries,
        as_json,
        out,
        lambda one: (one["name"], "there" if one["there"] else "-", one["path"], one["about"]),
    )


def _give(entries: list[dict[str, Any]], as_json: bool, out: Path | None, cells: Any) -> None:
    lines = columns([cells(one) for one in entries])
    emit((json.dumps(entries, indent=2) if as_json else "\n".join(lines)) + "\n", out)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose cells stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


LIST = Group(
    "list",
    "What there is: backbones, tricks, configs, tiers, data sets. Each also as JSON (--json).",
    {one.__name__: one for one in (backbones, tricks, configs, tiers, datasets)},
)
