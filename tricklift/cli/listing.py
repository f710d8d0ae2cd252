"""`tricklift list`: the backbones, tricks, configs, tiers and data sets that there are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tricklift.cli.groups import Group
from tricklift.cli.options import WHERE, AsJson, Root

#: Columns of a table that goes into a file or another program.
PIPED_WIDTH = 240


def backbones(
    as_json: AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help=f"{WHERE}: a file, for the page of all backbones with its picture.  "
            "[default: a table in the terminal]",
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
    from backbones.describe import describe_all

    entries = describe_all()
    if out is not None:
        from tricklift.tables.backbone_page import write_page

        print(*write_page(out, entries), sep="\n")
    elif as_json:
        print(json.dumps(entries, indent=2))
    else:
        _print_backbones(entries)


def _print_backbones(entries: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", overflow="fold", no_wrap=True)
    for title in ("params", "GMACs", "input"):
        table.add_column(title, justify="right", overflow="fold", no_wrap=True)
    for title in ("top-1", "channels", "strides", "built in", "paper", "source"):
        table.add_column(title, overflow="fold")
    for entry in entries:
        table.add_row(
            entry["name"],
            f"{entry['params']:,}",
            f"{entry['macs'] / 1e9:.2f}",
            str(entry["input_size"]),
            entry["published_top1"] or "",
            " ".join(map(str, entry["channels"])),
            " ".join(map(str, entry["strides"])),
            ", ".join(entry["built_in"]),
            entry["paper"],
            entry["source"],
        )
    console = Console()
    (console if console.is_terminal else Console(width=PIPED_WIDTH)).print(table)


def tricks(as_json: AsJson = False) -> None:
    """List the tricks, with the tasks that each is for.

    \b
    A name goes into `--tricks`, or into the `use` line of a config:
      tricklift list tricks
      tricklift train cls/mini/resnet18_b-baseline --tricks efficient,cosine
    """
    from tricklift.tricks.names import described

    entries = [dict(zip(("name", "tasks", "about"), one, strict=True)) for one in described()]
    _give(entries, as_json, lambda one: (one["name"], "/".join(one["tasks"]), one["about"]))


def configs(as_json: AsJson = False) -> None:
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
    _give(entries, as_json, lambda one: (one["name"], one["about"]))


def tiers(as_json: AsJson = False) -> None:
    """List the tiers: which data, rows and heads each has.

    \b
    A name, or a file of your own (docs/tiers.md), goes into `run` and `plan`:
      tricklift list tiers
      tricklift plan small --out runs/small
    """
    from tricklift.suite import tier_file

    entries = []
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
    _give(entries, as_json, lambda one: (one["name"], f"{len(one['rows'])} rows", one["about"]))


def datasets(root: Root = Path("data"), as_json: AsJson = False) -> None:
    """List the data sets, and which of them lie below the root.

    Only folders are looked for; `tricklift prepare NAME` puts a set in place or checks it, and
    `tricklift doctor` says whether those that are there are known.

    \b
    What there is, and one of them put in place:
      tricklift list datasets --root data
      tricklift prepare miniworld --root data
    """
    from tricklift.data.prepare import about

    entries = [
        {**one, "path": str(root / one["folder"]), "there": (root / one["folder"]).is_dir()}
        for one in about()
    ]
    _give(
        entries,
        as_json,
        lambda one: (one["name"], "there" if one["there"] else "-", one["path"], one["about"]),
    )


def _give(entries: list[dict[str, Any]], as_json: bool, cells: Any) -> None:
    if as_json:
        print(json.dumps(entries, indent=2))
    else:
        print(*columns([cells(one) for one in entries]), sep="\n")


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
