"""Resolved configs are read as data, and as mmengine reads them."""

import json

import pytest
from mmengine.config import Config

from tricklift.configs import find_config, short_names
from tricklift.records.resolved_config import Code, code_in, kept, parsed, read
from tricklift.tricks import load

LEAVES = [name for name in short_names() if "/mini/" in name or "/small/" in name]


def test_what_is_no_data_is_kept_as_its_source():
    text = "a = dict(b=[1, dict(c=None)], d=(1, 2))\ne = {'f': -0.5}\ng = print('x')\nh = {1: 2}\n"
    found = parsed(text)
    assert found == {
        "a": {"b": [1, {"c": None}], "d": (1, 2)},
        "e": {"f": -0.5},
        "g": "print('x')",
        "h": {1: 2},
    }
    assert code_in(found) == ["print('x')"] and isinstance(found["g"], Code)
    assert code_in(parsed("a = dict(b=[dict(**{'c': 1}), dict([(1, 2)])], d={**e})")) != []


@pytest.mark.parametrize(
    "text", ["a = (", "a = {[1]: 2}", "a = '\0'", f"a = {'-' * 3000}1", f"a = {'(' * 300}"]
)
def test_what_is_no_python_is_empty(text):
    assert parsed(text) == {}


@pytest.mark.parametrize("name", LEAVES)
def test_provided_configs_are_read_as_mmengine_reads_them(name, tmp_path):
    file = kept(tmp_path, name)
    load(find_config(name)).dump(file)
    theirs = Config.fromfile(str(file), import_custom_modules=False).to_dict()
    assert read(file) == theirs and code_in(read(file)) == []
    json.dumps(read(file))


def test_a_config_runs_nothing(tmp_path):
    file, canary = tmp_path / "leaf.py", tmp_path / "canary"
    file.write_text(f"open({str(canary)!r}, 'w')\na = open({str(canary)!r}, 'w')\n")
    assert list(read(file)) == ["a"] and not canary.exists()
