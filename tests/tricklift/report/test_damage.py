"""Files of a run that are cut, altered or somebody's joke: the page is written without them."""

import gzip
import json
from pathlib import Path

import pytest
from left_runs import left

from tricklift.records import predictions
from tricklift.records.prediction_fields import PNG
from tricklift.report import page
from tricklift.report.study import read

PREDICTIONS = predictions.FILES["val"]


@pytest.fixture
def folder(tiny_root, tmp_path, monkeypatch) -> Path:
    """Three rows of segmentation: enough for a part where two are compared without the first."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    for place, row in enumerate(("B-standard", "a", "b")):
        left(tmp_path, tiny_root, "seg", row, place)
    return tmp_path


def work_dir(folder: Path) -> Path:
    return sorted(file.parent for file in folder.rglob(PREDICTIONS))[0]


def packed(change) -> "tuple[str, bytes]":
    """A change of the unpacked file of predictions."""

    def changed(file: Path) -> None:
        held = json.loads(gzip.decompress(file.read_bytes()))
        change(held)
        file.write_bytes(gzip.compress(json.dumps(held).encode()))

    return changed


def flipped(file: Path) -> None:
    held = bytearray(file.read_bytes())
    for place in range(20, len(held), 7):
        held[place] ^= 0xFF
    file.write_bytes(bytes(held))


DAMAGES = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:40]),
    "flipped bytes": flipped,
    "no archive": lambda file: file.write_bytes(b"x"),
    "an unknown task": packed(lambda held: held.update(task="x")),
    "no images": packed(lambda held: held.update(images=3)),
    "an image that is a list": packed(lambda held: held["images"].append([])),
    "a key too many": packed(lambda held: held.update(more=1)),
    "an image without its map": packed(lambda held: held["images"][0].pop("labels")),
    "a map that is no base64": packed(lambda held: held["images"][0].update(labels="*")),
    "a map that is no PNG": packed(lambda held: held["images"][0].update(labels="AAAA")),
    "a name out of the folder": packed(lambda held: held["images"][0].update(name="../a.jpg")),
    "a colour too large": packed(lambda held: held.update(palette=[[1, 2, 300]])),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_row_with_a_damaged_file_is_left_out(folder, damage):
    hurt = work_dir(folder)
    DAMAGES[damage](hurt / PREDICTIONS)
    text = page.render(read(folder))
    assert f"{hurt / PREDICTIONS} is" in text and "validate the run again" in text
    assert 'class="look"' in text  # the two others are compared


def test_a_map_that_cannot_be_decoded_is_told(folder):
    import base64

    hurt = work_dir(folder) / PREDICTIONS
    broken = base64.b64encode(PNG + b"x" * 40).decode()
    packed(lambda held: [image.update(labels=broken) for image in held["images"]])(hurt)
    assert "a label map of a run is damaged" in page.render(read(folder))


BESIDE = {
    "training_items.json": [
        '{"items": [1], "root": "/", "classes": []}',
        '{"items": 3, "root": "/", "classes": []}',
        '{"items": [{"img_path": "a", "label_map": {"x": 1}}], "root": "/", "classes": ["a"]}',
        "[]",
    ],
    "seg.py": [
        "train_dataloader = 3",
        f"model = {'-' * 3000}1",
        "model = dict(mixup={(1, 2): 3})",
        "model = dict(mixup=3)",
        "\0",
        *(
            f"train_dataloader = dict(dataset={it})"
            for it in ("dict(pipeline=3)", "'x'", "dict(dataset='x')", "dict(datasets=[3])")
        ),
    ],
    "20260101_000000/vis_data/scalars.json": [
        '{"step": "x", "loss": 1}\n',
        '{"step": []}\n',
        "\xff",
    ],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in BESIDE.items() for text in texts]
)
def test_what_else_a_run_leaves(folder, name, text):
    file = work_dir(folder) / name
    assert file.is_file(), f"a run leaves it: {sorted(work_dir(folder).rglob('*'))}"
    file.write_text(text, encoding="latin-1")
    assert page.render(read(folder)).startswith("<!doctype html>")
