"""Modules and files of a user's own: found, kept in the config, and imported for every Runner."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from tricklift import train as training
from tricklift.compat import imports
from tricklift.records.identity import config_hash


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Python's path, modules, and what the process was given, as before."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(imports, "_given", {})
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_file_is_imported_once_and_sees_what_lies_beside_it(tmp_path: Path):
    (tmp_path / "beside_it.py").write_text("value = 3\n")
    file = tmp_path / "some_file.py"
    file.write_text("import beside_it\nvalue = beside_it.value\nloads = [1]\n")
    for reference in (str(file), "some_file.py", "some_file"):
        assert imports.load([reference], tmp_path) == [str(file)]
    assert sys.modules["some_file"].value == 3


def test_a_file_with_the_name_of_an_installed_module(tmp_path: Path):
    """It is found by its path, and the module that others import stays."""
    (tmp_path / "json.py").write_text("mine = True\n")
    imports.load([str(tmp_path / "json.py")])
    assert json is sys.modules["json"] and not hasattr(json, "mine")
    (found,) = [m for n, m in sys.modules.items() if n.startswith("json_") and hasattr(m, "mine")]
    assert found.__file__ == str(tmp_path / "json.py")


def test_an_installed_module_is_kept_by_its_name(tmp_path: Path):
    assert imports.load(["timm.layers"], tmp_path) == ["timm.layers"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ny = x.nope\n", r"wrong.py, line 2: AttributeError: 'int' object has no"),
        ("x = (\n", r"wrong.py, line 1: SyntaxError: '\(' was never closed; correct it"),
        ("import not_there_at_all\n", r"wrong.py, line 1: ModuleNotFoundError: .*not_there_at_all"),
    ],
)
@pytest.mark.parametrize("reference", ["wrong.py", "wrong"])
def test_an_error_in_it_names_the_line(tmp_path: Path, text: str, message: str, reference: str):
    (tmp_path / "wrong.py").write_text(text)
    with pytest.raises(ValueError, match=f"--import: .*{message}"):
        imports.load([reference], tmp_path)


def test_what_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"--import: no file '.*gone.py'; give the path"):
        imports.load(["gone.py"], tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no module 'gone.away', neither installed nor in"):
        imports.load(["gone.away"], tmp_path)


def leaf_of(folder: Path, line: str) -> Path:
    (folder / "sub").mkdir()
    leaf = folder / "sub" / "leaf.py"
    base = training.configs.find_config("cls/mini/resnet18_b-baseline")
    leaf.write_text(f"_base_ = [{str(base)!r}]\n{line}\n")
    return leaf


def test_a_config_names_files_beside_it_and_the_command_line_adds_more(tmp_path: Path):
    leaf = leaf_of(tmp_path, "imports = ['../my_parts.py']")
    for name in ("my_parts", "my_others"):
        (tmp_path / f"{name}.py").write_text("")
    plain = training.build_config(leaf)
    assert plain.imports == [str(tmp_path / "my_parts.py")]
    assert "custom_imports" in plain and plain.custom_imports.imports  # ours stay
    imports.take([str(tmp_path / "my_others.py")])
    both = training.build_config(leaf)
    assert both.imports == [str(tmp_path / f"{name}.py") for name in ("my_parts", "my_others")]
    # What is imported counts, by its content and not by its place.
    assert config_hash(both) != config_hash(plain)
    before = config_hash(plain)
    moved = Config(plain.to_dict())
    moved.imports = [str((tmp_path / "my_parts.py").rename(tmp_path / "moved.py"))]
    assert config_hash(moved) == before
    (tmp_path / "moved.py").write_text("x = 1\n")
    assert config_hash(moved) != before


def test_a_config_that_names_what_is_not_there(tmp_path: Path):
    leaf = leaf_of(tmp_path, "imports = ['gone.py']")
    with pytest.raises(FileNotFoundError, match=r"leaf.py: imports: no file '.*sub/gone.py'"):
        training.build_config(leaf)


def test_any_runner_imports_before_it_builds_the_model(tmp_path: Path):
    """As `mim train mmdet` does, with a config alone."""
    (tmp_path / "mine.py").write_text(
        "from mmengine.model import BaseModel\n"
        "from mmengine.registry import MODELS\n"
        "@MODELS.register_module()\n"
        "class OnlyInMine(BaseModel):\n"
        "    def forward(self, **_): pass\n"
    )
    config = tmp_path / "config.py"
    config.write_text(
        "custom_imports = dict(imports=['tricklift.compat.setup'])\n"
        f"imports = ['mine.py']\nmodel = dict(type='OnlyInMine')\nwork_dir = {str(tmp_path)!r}\n"
    )
    code = (
        "import sys\nfrom mmengine.config import Config\nfrom mmengine.runner import Runner\n"
        "print(type(Runner.from_cfg(Config.fromfile(sys.argv[1])).model).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines()[-1:] == ["OnlyInMine"], done.stderr[-2000:]


def test_packages_with_backbones_are_found_by_their_entry_point(tmp_path: Path):
    """Group `tricklift.backbones`; one that cannot be imported stops nothing but its own names."""
    (tmp_path / "their_package.py").write_text(
        "import torchvision\nfrom backbones import register_backbone\n"
        "register_backbone('theirs', torchvision.models.resnet18, stages=['layer1', 'layer2', "
        "'layer3', 'layer4'])\n"
    )
    for name, module in (("theirs", "their_package"), ("broken", "not_there")):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tricklift.backbones]\n{name} = {module}\n")
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "import backbones\nprint(backbones.info('theirs').family)\n"
        "try: backbones.info('nope')\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    family, error = done.stdout.splitlines()
    assert family == "own" and "of broken, not imported: ModuleNotFoundError" in error
    assert "theirs" in error and "the backbones of broken could not be imported" in done.stderr
