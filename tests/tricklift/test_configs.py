"""Configs found by path and by short name."""

import pytest

import cls  # noqa: F401  (registers the parts)
from tricklift import configs


def test_short_names_are_leaves_and_resolve():
    names = configs.short_names()
    assert "cls/mini/resnet18_b-baseline" in names
    assert not any(name.startswith("_base_") for name in names)
    for name in names:
        assert configs.short_name(configs.find_config(name)) == name


@pytest.mark.parametrize(
    "reference",
    [
        "cls/mini/resnet18_d-tricks",
        "cls/mini/resnet18_d-tricks.py",
        "configs/cls/mini/resnet18_d-tricks.py",
        "./configs/cls/mini/resnet18_d-tricks.py",
    ],
)
def test_the_usual_ways_to_name_a_config_work_anywhere(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configs.find_config(reference).is_file()


def test_a_file_of_the_user_comes_first(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n")
    assert configs.find_config(file) == file
    assert configs.short_name(file) is None


def test_unknown_config_with_the_closest():
    with pytest.raises(ValueError, match=r"no config 'det/mini/faster_rcn_fpn'.*did you mean"):
        configs.find_config("det/mini/faster_rcn_fpn")
