"""`tricklift list`: as text for people, as JSON for programs."""

import json

import pytest

from tricklift.cli import main
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
    [("configs", short_names()), ("tiers", tier_file.names()), ("datasets", list(NAMES))],
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
