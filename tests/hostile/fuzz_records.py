"""Random results and tier files, and their readers."""

import json
from pathlib import Path
from typing import Any

from fuzz_values import changed, scalars, values, words
from hypothesis import strategies as st

WHOLE_RESULT: dict[str, Any] = {
    "schema": 2,
    "status": "done",
    "task": "cls",
    "tier": "mini",
    "dataset": "MiniWorld",
    "protocol": "top-1",
    "row": "a",
    "backbone": "resnet18_b",
    "config": "configs/cls/mini/a.py",
    "metrics": {"top1": 50.0},
    "best": {"top1": 51.0},
    "config_hash": "ab" * 32,
    "seed": 0,
    "world_size": 1,
    "epochs": 3,
    "iters": None,
    "started": "2026-01-01T00:00:00+00:00",
    "wall_seconds": 1.5,
    "machine": {"cpu": "x", "cores": 2, "threads": 1, "torch": "2", "device": "cpu"},
    "pretrained": None,
    "data": {
        "digest": "ab",
        "val_images_in_train": 0,
        "splits": {"train": {"read": ["a"], "images": 3}},
    },
    "per_class": {"top1": {"cat": 50.0}},
    "commit": "ab" * 20,
    "version": "0.2",
    "tricks": ["ema"],
    "teacher": None,
    "images_per_epoch": 10,
}


@st.composite
def _results(draw: Any) -> bytes:
    held = dict(WHOLE_RESULT)
    for key in draw(st.lists(st.sampled_from(tuple(held)), min_size=1, max_size=3, unique=True)):
        inner = held[key]
        if isinstance(inner, dict) and draw(st.booleans()):
            held[key] = {**inner, draw(st.sampled_from(tuple(inner)) | words): draw(values)}
        elif draw(st.integers(0, 7)) == 0:
            del held[key]
        else:
            held[key] = draw(values)
    if draw(st.booleans()):
        held["task"] = draw(st.sampled_from(("cls", "det", "seg")))
        held["pretrained"] = draw(
            st.none()
            | st.fixed_dictionaries(
                {}, optional=dict.fromkeys(("file", "name", "seed", "row", "dataset"), scalars)
            )
        )
    return json.dumps(held).encode("utf-8", "surrogatepass")


result_files = st.one_of(
    _results(), changed(json.dumps(WHOLE_RESULT).encode()), values.map(json.dumps).map(str.encode)
)


def read_result(file: Path) -> None:
    from tricklift.tables.compare import build_rows, lines
    from tricklift.tables.page import FORMATS, render
    from tricklift.tables.records import read

    records = [read(file)]
    lines(records)
    rows = build_rows(record for record in records if record.done)
    for style in FORMATS:
        text = render(rows, records, style, file.parent / "none")
        assert not set(text) & {"\x1b", "\x07", "\x9b"}, text
        assert style != "md" or "<b>" not in text


def read_for_report(file: Path) -> None:
    from tricklift.report import page
    from tricklift.report.study import read

    text = page.render(read(file.parent))
    assert not set(text) & {"\x1b", "\x07", "\x9b"}


WHOLE_TIER: dict[str, Any] = {
    "name": "mini",
    "about": "x",
    "data": "miniworld",
    "rows": [{"config": "cls/mini/resnet18_b-baseline", "backbone": "resnet18_b", "recipe": "b"}],
    "random_init": "resnet18_b",
    "downstream": [{"task": "det", "config": "det/mini/faster_rcnn_fpn", "tricks": ["ema"]}],
    "weights": [{"name": "w", "backbone": "resnet18_b", "checkpoint": "w.safetensors"}],
    "networks": [{"name": "resnet18_b", "suffix": "x", "options": ["a=1"]}],
    "teachers": [{"config": "cls/mini/resnet18_d-tricks", "backbone": "resnet18_d"}],
    "seeds": [0, 1],
    "downstream_seeds": [0],
    "options": {"cls": ["a=1"]},
    "claims": [{"row": "a", "against": "b", "metric": "top1", "sign": "+"}],
}
TIER_WORDS = ("cls", "det", "task", "config", "name", "backbone", "teacher", "downstream")


@st.composite
def _tiers(draw: Any) -> bytes:
    held = json.loads(json.dumps(WHOLE_TIER))
    odd = values | st.dictionaries(st.sampled_from(TIER_WORDS), values, max_size=3)
    for key in draw(st.lists(st.sampled_from(tuple(held)), min_size=1, max_size=3, unique=True)):
        inner = held.get(key)
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and draw(st.booleans()):
            inner[0][draw(st.sampled_from((*inner[0], *TIER_WORDS)))] = draw(odd)
        elif draw(st.integers(0, 7)) == 0:
            held.pop(key, None)
        else:
            held[key] = draw(odd)
    return json.dumps(held).encode("utf-8", "surrogatepass")


tier_files = st.one_of(
    _tiers(),
    changed(json.dumps(WHOLE_TIER, indent=1).encode()),
    st.lists(
        st.sampled_from(
            (
                *("a: ", "- ", "&a ", "*a", "<<: ", "!!python/object/apply:os.system ", "? ", "| "),
                *("[", "]", "{", "}", "\n", "  ", "2026-13-99", "0o9", "1:99:99", "!!binary '%'"),
                *("!!int x", "!!float x", "!!set ", "!!timestamp x", "name", "rows", "\t", "---"),
            )
        ),
        max_size=12,
    ).map(lambda parts: "".join(parts).encode()),
    st.binary(max_size=60),
)


def read_tier(file: Path) -> None:
    from tricklift.suite import tier_file

    tier_file.read(file)
