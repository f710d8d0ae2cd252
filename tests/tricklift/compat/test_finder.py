"""The stand-in for `mmcv._ext` as the import system sees it, each in a process of its own."""

import os
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import tricklift


def python(code: str, *paths: Path, **env: str) -> str:
    """Run `code` in a new process with `paths` in front of its path; return what it prints."""
    where = os.pathsep.join([*map(str, paths), str(Path(tricklift.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=dict(os.environ, PYTHONPATH=where, **env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_entry_point_is_registered():
    (found,) = entry_points(group="torch.backends", name="tricklift")
    assert found.value == "tricklift.compat.autoload:autoload"


def test_autoload_imports_nothing_heavy():
    code = """
        import sys
        before = set(sys.modules)
        from tricklift.compat.autoload import autoload
        autoload()
        assert not any(name.startswith('tricklift.compat.') for name in
                       set(sys.modules) - {'tricklift.compat.autoload'})
        sys.argv = ['/x/site-packages/mmdet/.mim/tools/analysis_tools/get_flops.py']
        autoload()
        autoload()
        new = {name.partition('.')[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names)))
        print(sum(type(f).__name__ == 'ExtensionFinder' for f in sys.meta_path))
    """
    assert python(code, TORCH_DEVICE_BACKEND_AUTOLOAD="0").split("\n") == ["['tricklift']", "1"]


def test_autoload_never_raises():
    code = """
        import sys, warnings
        warnings.simplefilter('error')
        sys.modules['tricklift.compat.finder'] = None  # importing it now fails
        from tricklift.compat.autoload import autoload
        sys.argv = ['mmdet/.mim/tools/test.py']
        autoload()
        warnings.simplefilter('always')
        with warnings.catch_warnings(record=True) as caught:
            autoload()
        print(str(caught[0].message))
    """
    assert "could not stand in for mmcv._ext" in python(code)


@pytest.mark.parametrize("script", ["mmdet/.mim/tools/test.py", "mine.py", ".mim/tools.py"])
def test_importing_torch_leaves_other_programs_alone(script):
    """Only the scripts that mim starts see the stand-in; any other sees mmcv as it is."""
    code = f"""
        import importlib.util, sys
        sys.argv = [{script!r}]
        import torch
        print(importlib.util.find_spec('mmcv._ext') is not None)
    """
    assert python(code, TORCH_DEVICE_BACKEND_AUTOLOAD="1") == str("tools/test" in script)


def test_importing_torch_makes_mmcv_ops_importable():
    """What `mim test mmdet` relies on. The spec is one that both probes accept."""
    code = """
        import importlib.util, pkgutil, sys
        sys.argv = ['mmdet/.mim/tools/test.py']
        import torch
        assert 'mmcv' not in sys.modules and 'torchvision' not in sys.modules
        spec = importlib.util.find_spec('mmcv._ext')
        assert 'torchvision' not in sys.modules  # found, not loaded
        from mmcv.utils.ext_loader import check_ops_exist
        print(spec.origin, check_ops_exist())
        from mmcv.ops import nms
        kept = nms(torch.tensor([[0., 0, 4, 4], [0, 0, 4, 4]]), torch.tensor([.9, .8]), .5)[1]
        print(kept.tolist(), importlib.util.find_spec('mmcv._ext').origin)
    """
    expected = ["tricklift.compat True", "[0] tricklift.compat"]
    assert python(code, TORCH_DEVICE_BACKEND_AUTOLOAD="1").split("\n") == expected


def test_without_the_ground_mmcv_ops_does_not_import():
    """The line that breaks: mmcv-lite has no `mmcv._ext`. If this fails, mmcv is compiled."""
    code = """
        import torch
        try:
            import mmcv.ops
        except ModuleNotFoundError as error:
            print(error)
    """
    assert python(code, TORCH_DEVICE_BACKEND_AUTOLOAD="0") == "No module named 'mmcv._ext'"


@pytest.mark.parametrize("kind", ["_ext.py", "_ext/__init__.py"])
def test_compiled_mmcv_wins(tmp_path, kind):
    """A real `mmcv._ext` on the path of the package is found before the stand-in is asked."""
    target = tmp_path / "mmcv" / kind
    target.parent.mkdir(parents=True)
    (tmp_path / "mmcv/__init__.py").touch()
    target.write_text("def nms():\n    return 'compiled'\n")
    code = """
        from tricklift.compat import finder
        finder.install()
        import mmcv._ext as ext
        print(ext.nms(), hasattr(ext, 'softnms'))
    """
    assert python(code, tmp_path) == "compiled False"


def test_the_finder_finds_nothing_else():
    from tricklift.compat.finder import ExtensionFinder

    assert ExtensionFinder().find_spec("mmcv._ext_2") is None
    assert ExtensionFinder().find_spec("other._ext") is None
