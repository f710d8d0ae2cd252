"""Configs found by path and by short name."""

import pytest

import cls  # noqa: F401  (registers the parts)
from tricklift import configs
from tricklift import train as training
from tricklift.errors import UserError


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


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.py", "x = (1\ny = 2\n", r"a.py, line 1: '\(' was never closed"),
        ("a.py", "x = 1\ny = foo\n", r"a.py, line 2: NameError: name 'foo' is not defined"),
        ("a.py", "x = dict(a=1)['b']\n", r"a.py, line 1: KeyError: 'b'"),
        ("a.py", "_base_ = 'gone.py'\n", r"gone.py: FileNotFoundError: "),
        ("a.py", "_base_ = 'broken.py'\n", r"broken.py, line 2: ZeroDivisionError"),
        ("a.py", "_base_ = ['one.py', 'two.py']\n", r"a.py: KeyError: .*Duplicate keys: {'x'}"),
        ("a.py", "custom_imports = dict(imports=['gone_module'])\n", r"No module named 'gone_mod"),
        ("a.py", "custom_imports = dict(imports=['os.gone'])\n", r"No module named 'os.gone'"),
        ("a.json", '{"a":', r"a.json is not readable as JSON"),
    ],
)
def test_a_users_config_that_cannot_be_read_says_where(tmp_path, name, text, words):
    (tmp_path / "broken.py").write_text("\nx = 1 / 0\n")
    (tmp_path / "one.py").write_text("x = 1\n")
    (tmp_path / "two.py").write_text("x = 2\n")
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words):
        training.build_config(tmp_path / name)


@pytest.mark.parametrize("text", ["raise RuntimeError('inside')\n", "import gone_module\n"])
def test_what_an_imported_module_raises_keeps_its_traceback(tmp_path, monkeypatch, text):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"mine_{len(text)}"
    (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "a.py").write_text(f"custom_imports = dict(imports=['{name}'])\n")
    with pytest.raises((RuntimeError, ImportError)) as caught:
        training.build_config(tmp_path / "a.py")
    assert not isinstance(caught.value, UserError)
