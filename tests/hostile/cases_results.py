"""Result files: their numbers, names and sizes."""

import copy
import json
from pathlib import Path
from typing import Any

from fuzz_records import WHOLE_RESULT

from hostile import case

COMPARE = ["compare", "runs"]


def result(folder: Path, text: str = "", place: str = "a", **fields: Any) -> list[str]:
    """A result file with some fields of its own; or a text."""
    (folder / "runs" / place).mkdir(parents=True)
    held = {**copy.deepcopy(WHOLE_RESULT), **fields}
    (folder / "runs" / place / "result.json").write_text(text or json.dumps(held))
    return COMPARE


@case()
def million_rows(folder):
    """a result with a million metrics"""
    return result(folder, metrics={f"m{number}": 1.0 for number in range(1_000_000)})


@case()
def ten_thousand_metrics(folder):
    """a result with 20,000 metrics of no number"""
    return result(folder, metrics={f"m{number}": "x" for number in range(20_000)})


@case(says="levels deep")
def deep_list(folder):
    """a result 100,000 levels deep"""
    return result(folder, "[" * 100_000)


@case(says="levels deep")
def deep_object(folder):
    """a result whose options are 400 levels deep"""
    value: Any = 1
    for _ in range(400):
        value = {"a": value}
    return result(folder, options=value)


@case(says="NaN")
def not_a_number(folder):
    """a result with NaN"""
    return result(folder, metrics={"top1": float("nan")})


@case(says="finite")
def infinite(folder):
    """a result with a number of 1e999"""
    return result(folder, json.dumps(WHOLE_RESULT).replace("50.0", "1e999"))


@case()
def digits(folder):
    """a result with a number of 1,000,000 digits"""
    return result(folder, json.dumps(WHOLE_RESULT).replace("50.0", "9" * 1_000_000))


@case(says="bits")
def large_seed(folder):
    """a result with a seed of 300 digits"""
    return result(folder, seed=10**300)


@case(says="metrics.top1")
def wrong_types(folder):
    """a result whose metrics are texts and lists"""
    return result(folder, metrics={"top1": "50"}, seed="0", machine={"cpu": [1]})


@case(says="wall_seconds")
def negative_time(folder):
    """a result that took a negative time"""
    return result(folder, wall_seconds=-1e300)


@case(says="stands there twice")
def twice(folder):
    """a result with two metrics of one name"""
    return result(folder, json.dumps(WHOLE_RESULT).replace('"metrics"', '"seed": 1, "metrics"'))


@case(says="control character")
def steering_row(folder):
    """a result whose row has terminal escapes"""
    return result(folder, row="\x1b[2J\x1b]0;owned\x07")


@case(says="control character")
def turned_row(folder):
    """a result whose row turns the text about"""
    return result(folder, row="baseline \u202e99.9")


@case(ends="read", says="&lt;script>", never="<script")
def script_row(folder):
    """a result whose row is a script"""
    return result(folder, row="<script>alert(1)</script>")


@case(ends="read", never="](javascript")
def link_protocol(folder):
    """a result whose protocol is a link that runs"""
    return result(folder, protocol="[click](javascript:alert(1))", dataset="<img src=x onerror=y>")


@case(ends="read", says="\\|")
def table_row(folder):
    """a result whose row would begin cells of the table"""
    return result(folder, row="a | 99.9 | b")


@case(ends="read", says="[bold")
def rich_row(folder):
    """a result whose row is markup of the terminal library"""
    result(folder, row="[bold red]a[/bold red][link=file:///etc/passwd]b[/link]")
    return COMPARE


@case(ends="read", says="'=HYPERLINK")
def formula_row(folder):
    """a result whose row is a formula, as a CSV for a spreadsheet"""
    return [*result(folder, row="=HYPERLINK('http://x')"), "--format", "csv"]


@case(ends="read")
def climbing_config(folder):
    """a result whose config, weights and row are paths that climb out"""
    return result(
        folder, config="../../../etc/passwd", row="../../x", pretrained={"file": "/etc/shadow"}
    )


@case(says="not readable as JSON")
def no_text(folder):
    """a result of bytes that are no text"""
    result(folder)
    (folder / "runs/a/result.json").write_bytes(bytes(range(256)))
    return COMPARE


@case(says="commands.json")
def deep_commands(folder):
    """a note of commands 100,000 levels deep"""
    result(folder)
    (folder / "runs/commands.json").write_text("[" * 100_000)
    return COMPARE


@case(ends="read")
def ring_of_links(folder):
    """a folder of results with a ring of links"""
    result(folder)
    (folder / "runs/a/up").symlink_to(folder / "runs")
    return COMPARE


@case()
def huge_network(folder):
    """a result whose network would have a billion channels, on the page of backbones"""
    return [*result(folder, options={"width": 1e9}), "--by", "backbone"]


@case(says="--import")
def code_beside_a_checkpoint(folder):
    """a result that names code, beside the checkpoint that is exported"""
    import torch

    from pickles import CANARY

    (folder / "evil.py").write_text(f"open({CANARY!r}, 'w')")
    result(folder, imports=[{"name": str(folder / "evil.py"), "sha256": None}])
    torch.save({"state_dict": {}, "meta": {}}, folder / "runs/a/w.pth")
    return ["export", "runs/a/w.pth", "out.safetensors"]
