"""Finding a config by path or short name, and reading it: without a word, or with one line."""

import ast
import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tricklift.errors import UserError, did_you_mean
from tricklift.paths import config_root

#: What `TASK/TIER` stands for: the first of these that it has.
USUAL = ("resnet18_b-standard", "resnet18_b-baseline", "faster_rcnn_fpn", "fcn")


def short_names() -> list[str]:
    """Names of all provided leaf configs, such as `cls/mini/resnet18_b-baseline`."""
    root = config_root()
    files = [file.relative_to(root) for file in sorted(root.rglob("*.py"))]
    return [str(file.with_suffix("")) for file in files if file.parts[0] != "_base_"]


def summary(name: str) -> str:
    """What a provided config is for: the first sentence of its file."""
    text = ast.get_docstring(ast.parse((config_root() / f"{name}.py").read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def short_name(path: str | Path) -> str | None:
    """The short name of a provided config's file, None for a file from elsewhere."""
    file, root = Path(path).resolve(), config_root().resolve()
    return str(file.relative_to(root).with_suffix("")) if file.is_relative_to(root) else None


def find_config(reference: str | Path) -> Path:
    """File of a config given as a path or as a short name; `det/own` is the usual one of a tier.

    Raises:
        UserError: There is no such file or name; says the closest name.
    """
    if os.path.isfile(reference):  # False for a name that is too long
        return Path(reference)
    name = str(reference).removeprefix("./").removeprefix("configs/").removesuffix(".py")
    for full in (name, *(f"{name}/{usual}" for usual in USUAL)):
        file = config_root() / f"{full}.py"
        if os.path.isfile(file):
            return file
    names = short_names()
    hint = did_you_mean(name, names)
    raise UserError(
        f"no config {str(reference)!r}: neither a file nor the name of a provided one{hint} "
        "('tricklift list configs' prints all names)"
    )


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Says where in a user's config the fault is that stops it from being read in this block.

    Errors of what the config calls or imports keep their traceback.

    Raises:
        UserError: In the place of an error of its code (a syntax error, an unknown name), of
            mmengine about its `_base_`, or of an import of `custom_imports`.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        said = _explained(Path(path), error)
        if said is None:
            raise
        raise said from error


def _explained(path: Path, error: Exception) -> UserError | None:
    """What to say of an error in reading a config; None where it keeps its traceback."""
    frames = list(traceback.walk_tb(error.__traceback__))
    last, line = frames[-1]
    reading = ("_file2dict", "_is_lazy_import")
    read = [frame.f_locals for frame, _ in frames if frame.f_code.co_name in reading]
    file = Path(read[-1].get("filename", path)) if read else path
    if short_name(file) is not None:
        return None  # a provided one
    if isinstance(error, ImportError) and isinstance(error.__cause__, ImportError):
        gone = error.__cause__.__context__  # mmengine's two messages leave the reason out
        wanted = last.f_locals["cfg_dict"]["custom_imports"]["imports"]
        if any(f"{name}.".startswith(f"{getattr(gone, 'name', '')}.") for name in wanted):
            return UserError(
                f"{path}: custom_imports: {gone}; correct the name, or put the module's folder on "
                "PYTHONPATH (for the current one: PYTHONPATH=. in front of the command)"
            )
        return None
    if isinstance(error, SyntaxError) and read:
        return UserError(f"{file}, line {error.lineno}: {error.msg}; correct it")
    words = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}; correct it"
    raiser = Path(last.f_code.co_filename)
    if raiser == file:
        return UserError(f"{file}, line {line}: {words}")
    if read and ("mmengine" in raiser.parts or file.suffix != ".py"):
        return UserError(f"{file}: {words}")
    return None


@contextmanager
def silently() -> Iterator[None]:
    """Keeps back what mmengine prints of a config that it reads: stdout may be our JSON."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
