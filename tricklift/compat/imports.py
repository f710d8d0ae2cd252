"""Code of a user's own, imported by module or by file: `--import`, and `imports` in a config.

mmengine's `custom_imports` takes modules alone, which must be on Python's path, and a list of it
takes the place of the one below. What stands in `imports` may be a file, relative to the config;
it is imported before the model is built, whatever command reads the config. A file's folder goes to
the end of Python's path, so that it can import what lies beside it and shadow nothing.
"""

import functools
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from tricklift.errors import MissingFileError, UserError
from tricklift.records.atomic import read_json
from tricklift.records.schema import RESULT_FILE

__all__ = ["KEY", "given", "install", "load", "of_config", "of_run", "take"]

#: The key of a config.
KEY = "imports"
#: What the command line of this process named.
_given: dict[str, None] = {}


def load(references: Iterable[str], folder: str | Path = ".", what: str = "--import") -> list[str]:
    """Import modules and files; what is imported already is left alone.

    Args:
        references: Names of modules, or paths of `.py` files.
        folder: What paths are relative to; modules are looked for here too.
        what: Where they were given, for messages.

    Returns:
        The same as they can be told to another process: files by their whole paths.

    Raises:
        MissingFileError: No such file or module.
        UserError: It has an error; names its line.
    """
    return [_load(str(reference), Path(folder).resolve(), what) for reference in references]


def take(references: Iterable[str]) -> None:
    """Import what the command line names, and remember it for configs and child processes.

    Raises: As `load`.
    """
    _given.update(dict.fromkeys(load(references)))


def given() -> list[str]:
    """What the command line of this process named."""
    return list(_given)


def of_config(cfg: Any) -> list[str]:
    """Import what a config asks for; returns it as `load` does.

    Raises: As `load`.
    """
    asked = cfg.get(KEY) or []
    asked = [asked] if isinstance(asked, str) else list(asked)
    file = getattr(cfg, "filename", None)
    return load(asked, Path(file).parent if file else ".", f"{file or 'config'}: {KEY}")


def of_run(work_dir: Path) -> None:
    """Ask for the code that the run that is kept in a folder was trained with, by its result.

    Nothing is imported: the folder may be somebody else's, and so the code.

    Raises:
        UserError: `--import` did not name some of it.
    """
    held = read_json(work_dir / RESULT_FILE).get(KEY)
    entries = held if isinstance(held, list) else []
    names = [str(entry.get("name")) for entry in entries if isinstance(entry, dict)]
    asked = [name for name in names if not any(map(functools.partial(_same, name), _given))]
    if asked:
        more = " ".join(f"--import {name}" for name in asked)
        raise UserError(
            f"{work_dir / RESULT_FILE}: the run was trained with code of its own, which runs when "
            f"it is imported; look at it, and add {more}"
        )


def _same(name: str, given: str) -> bool:
    """Whether a file or module of a run is one that was given, wherever the file lies now."""
    return name == given or Path(name).name == Path(given).name


def _load(reference: str, folder: Path, what: str) -> str:
    if not reference.endswith(".py"):
        module = _module(reference, folder, what)
        file = getattr(module, "__file__", None)
        found = Path(file).resolve() if file else None
        return str(found) if found == folder / f"{reference}.py" else reference
    file = (folder / Path(reference).expanduser()).resolve()
    if not file.is_file():
        raise MissingFileError(f"{what}: no file {str(file)!r}; give the path of a .py file")
    with _located(what, file):
        _file(file)
    return str(file)


def _module(name: str, folder: Path, what: str) -> ModuleType:
    _add_path(folder)
    with _located(what, None):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            file = folder / f"{name}.py"
            hint = f"; did you mean {str(file)!r}?" if file.is_file() else ""
            raise MissingFileError(
                f"{what}: no module {name!r}, neither installed nor in {folder}{hint}; give the "
                "name of a module, or the path of a .py file"
            ) from error


def _file(file: Path) -> ModuleType:
    """Import a file as a module of its name, or of another one where that is taken."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(file):
            return module
    _add_path(file.parent)
    spec = importlib.util.find_spec(file.stem) if file.stem.isidentifier() else None
    name = file.stem
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != file:
        name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
        spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "a .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _add_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


class _located:
    """Says which line of a user's code failed: a context manager.

    Raises:
        UserError: In the place of any other error.
    """

    def __init__(self, what: str, file: Path | None) -> None:
        self.what, self.file = what, file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, Exception) or isinstance(error, UserError):
            return
        frames = traceback.extract_tb(trace)
        own = [f for f in frames if not self.file or f.filename == str(self.file)]
        where = f"{own[-1].filename}, line {own[-1].lineno}" if own else self.file
        if isinstance(error, SyntaxError):
            where = f"{error.filename}, line {error.lineno}"
        said = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(
            f"{self.what}: {where}: {type(error).__name__}: {said}; correct it "
            "(TRICKLIFT_DEBUG=1 shows the traceback)"
        ) from error


def install() -> None:
    """Let mmengine's Runner import what its config asks for before it builds the model."""
    from mmengine.runner import Runner

    if not hasattr(Runner.build_model, "__wrapped__"):
        Runner.build_model = _after_imports(Runner.build_model)


def _after_imports(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def build_model(self: Any, model: Mapping[str, Any]) -> Any:
        of_config(self.cfg)
        return upstream(self, model)

    return build_model
