"""A lazy finder that stands in for `mmcv._ext`, the compiled part that `mmcv-lite` lacks.

Why: every file of `mmcv.ops` starts with `ext_loader.load_ext('_ext', [...])`, which imports
`mmcv._ext` and asserts that each op is an attribute of it; mmdet and mmseg import `mmcv.ops`.

The finder is appended to `sys.meta_path`, so the finders before it win: where mmcv is compiled,
this one is never asked. It hands out a real `ModuleSpec` with a loader, because mmcv and mmengine
also probe with `pkgutil.find_loader('mmcv._ext')`, which fails on a bare module in `sys.modules`.
The ops themselves, and with them torchvision, are imported when `mmcv._ext` is.

In the scripts that mim starts it also watches for mmengine's `Config` (`config_files`), which does
not exist yet when torch calls our hook: mmengine imports torch while it is being imported itself.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from tricklift.compat import config_files

__all__ = ["NAME", "ExtensionFinder", "install"]

NAME = "mmcv._ext"


class ExtensionLoader(Loader):
    """Fill the module `mmcv._ext` with the stand-ins of `tricklift.compat.ops`."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None  # the default module is right

    def exec_module(self, module: ModuleType) -> None:
        from tricklift.compat.ops import extension

        extension.fill(module)


class ExtensionFinder(MetaPathFinder):
    """Find `mmcv._ext` and nothing else."""

    config_seen = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if not self.config_seen:
            self.config_seen = config_files.install_once_loaded()
        if fullname != NAME:
            return None
        return ModuleSpec(NAME, ExtensionLoader(), origin="tricklift.compat")


def install() -> None:
    """Append the finder to `sys.meta_path`, once."""
    if not any(isinstance(finder, ExtensionFinder) for finder in sys.meta_path):
        sys.meta_path.append(ExtensionFinder())
