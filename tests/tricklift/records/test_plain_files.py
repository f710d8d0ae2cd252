import json

import pytest

from tricklift.errors import MissingFileError, UserError
from tricklift.records.plain_files import MOST_DEPTH, read_json, read_yaml, unprintable


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "'a' stands there twice"),
        ('{"a": {"b": 1, "b": 2}}', "'b' stands there twice"),
        ("[NaN]", "NaN is no number"),
        ("[1e999]", "inf is no finite number"),
        ("[1%s]" % ("0" * 30), "bits"),
        ("[" * (MOST_DEPTH + 2) + "]" * (MOST_DEPTH + 2), "levels deep"),
        ("[" * 100_000, "levels deep"),
        (r'["\u001b[31m"]', "control character"),
        (r'["a\u202eb"]', "control character"),
        (r'["\ud800"]', "control character"),
        ("{", "not readable as JSON"),
    ],
)
def test_what_json_may_not_hold(tmp_path, text, said):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        read_json(file)
    assert str(file) in str(caught.value) and "correct it" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "'a' stands there twice"),
        ("a: .nan\n", "nan is no finite number"),
        ("a: 2026-13-99\n", "month must be in"),
        ("a: !!int x\n", "invalid literal"),
        ("a: !!timestamp x\n", "not readable as YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: &a [*a]\n", "part of"),
        ("[" * 5000, "levels deep"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_what_yaml_may_not_hold(tmp_path, text, said):
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=said):
        read_yaml(file)


def test_aliases_count_as_what_they_stand_for(tmp_path):
    """Nine to the power of twelve values in 400 bytes; nine times nine are few."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    file = tmp_path / "a.yaml"
    file.write_text("\n".join(levels))
    with pytest.raises(UserError, match=r"100,000 values"):
        read_yaml(file)
    file.write_text("\n".join(levels[:2]))
    assert len(read_yaml(file)["a1"]) == 9


def test_plain_data_are_read_as_they_are(tmp_path):
    held = {"a": [1, 2.5, None, True, "ä\n\tb"], "b": {"c": -(2**63)}}
    (tmp_path / "a.json").write_text(json.dumps(held))
    (tmp_path / "a.yaml").write_text(json.dumps(held))
    assert read_json(tmp_path / "a.json") == held == read_yaml(tmp_path / "a.yaml")
    (tmp_path / "empty.yaml").write_text("")
    assert read_yaml(tmp_path / "empty.yaml") is None


def test_size_and_absence_are_named(tmp_path):
    (tmp_path / "a.json").write_text(" " * 100)
    with pytest.raises(UserError, match=r"100 bytes.*99 at the most"):
        read_json(tmp_path / "a.json", most_bytes=99)
    with pytest.raises(MissingFileError, match=r"gone.json"):
        read_json(tmp_path / "gone.json")


def test_characters_that_steer():
    assert unprintable("résumé 日本\n") is None
    assert unprintable("a\x9bb") == "\x9b"
