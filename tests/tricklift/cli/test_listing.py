"""`tricklift list`: as text for people, as JSON for programs."""

import json

import pytest

from tricklift.cli import main
from tricklift.cli.listing import COLUMNS, columns_for
from tricklift.configs import short_names
from tricklift.data.prepare import NAMES
from tricklift.suite import tier_file


def run(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["list", *words])
    assert not end.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "names"),
    [("configs", short_names()), ("tiers", [*tier_file.names(), "own"]), ("datasets", list(NAMES))],
)
def test_all_are_listed_both_ways(what, names, capsys):
    entries = json.loads(run(capsys, what, "--json"))
    assert [entry["name"] for entry in entries] == names
    assert all(entry["about"] for entry in entries)
    lines = run(capsys, what).splitlines()
    assert [line.split()[0] for line in lines] == names


def test_tricks_as_json(capsys):
    entries = {one["name"]: one for one in json.loads(run(capsys, "tricks", "--json"))}
    assert entries["mixup"]["tasks"] == ["cls"]
    assert entries["ema"]["tasks"] == ["cls", "det", "seg"]


def test_a_tier_has_its_rows_and_heads(capsys):
    tiers = {one["name"]: one for one in json.loads(run(capsys, "tiers", "--json"))}
    assert tiers["small"]["seeds"] == [0, 1, 2]
    assert "random-init" in tiers["mini"]["rows"]
    assert tiers["full"]["heads"] == ["c4", "fpn", "fcn", "pspnet"]


def test_data_sets_say_which_are_there(tmp_path, capsys):
    (tmp_path / "camvid").mkdir()
    entries = json.loads(run(capsys, "datasets", "--json", "--root", str(tmp_path)))
    assert [one["name"] for one in entries if one["there"]] == ["camvid"]
    (camvid,) = (one for one in entries if one["name"] == "camvid")
    assert camvid["path"] == str(tmp_path / "camvid") and "research" in camvid["terms"]


def test_a_table_of_backbones_fits_its_terminal():
    """One line each, with the columns that have room; the widest terminal has them all."""
    entry = {
        "name": "timm/legacy_seresnet50",
        "params": 143_678_248,
        "macs": 19.6e9,
        "input_size": 224,
        "published_top1": "76.12 to 78.4",
        "channels": [256, 512, 1024, 2048],
        "strides": [4, 8, 16, 32],
        "built_in": [],
        "paper": "p" * 70,
        "source": "s" * 70,
    }
    for width in (20, 60, 80, 120, 160):
        shown = columns_for(width, [entry])
        cells = [max(len(title), len(COLUMNS[title](entry))) for title in shown]
        assert shown == list(COLUMNS)[: len(shown)] and shown[0] == "name"
        assert sum(cells) + len(cells) - 1 <= max(width, len(entry["name"]))
    assert {"params", "GMACs", "top-1"} <= set(columns_for(80, [entry]))
    assert columns_for(240, [entry]) == list(COLUMNS)


def test_what_is_listed_goes_into_a_file(capsys, tmp_path):
    for what in ("tricks", "configs", "tiers", "datasets"):
        printed = run(capsys, what, "--json")
        run(capsys, what, "--json", "--out", str(tmp_path / what))
        assert (tmp_path / what).read_text() == printed


def test_a_root_that_is_none_is_said(capsys, tmp_path):
    (tmp_path / "file").touch()
    for name, said in (("file", "is a file"), ("gone", "is not there")):
        with pytest.raises(SystemExit) as end:
            main(["list", "datasets", "--root", str(tmp_path / name)])
        assert not end.value.code and said in capsys.readouterr().err


def test_what_takes_long_is_said_on_stderr(capsys, monkeypatch):
    import backbones.describe

    monkeypatch.setattr(backbones.describe, "names", lambda: ["resnet18_b", "hardnet39ds"])
    with pytest.raises(SystemExit):
        main(["list", "backbones", "--json"])
    said = capsys.readouterr()
    assert "building every backbone" in said.err
    assert [one["name"] for one in json.loads(said.out)] == ["resnet18_b", "hardnet39ds"]
