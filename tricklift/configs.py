"""Finding a config by path or short name, and reading it without a word."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tricklift.errors import UserError, did_you_mean
from tricklift.paths import config_root


def short_names() -> list[str]:
    """Names of all provided leaf configs, such as `cls/mini/resnet18_b-baseline`."""
    root = config_root()
    files = [file.relative_to(root) for file in sorted(root.rglob("*.py"))]
    return [str(file.with_suffix("")) for file in files if file.parts[0] != "_base_"]


def short_name(path: str | Path) -> str | None:
    """The short name of a provided config's file, None for a file from elsewhere."""
    file, root = Path(path).resolve(), config_root().resolve()
    return str(file.relative_to(root).with_suffix("")) if file.is_relative_to(root) else None


def find_config(reference: str | Path) -> Path:
    """File of a config given as a path or as a short name.

    Raises:
        UserError: There is no such file or name; says the closest name.
    """
    if Path(reference).is_file():
        return Path(reference)
    name = str(reference).removeprefix("./").removeprefix("configs/").removesuffix(".py")
    file = config_root() / f"{name}.py"
    if file.is_file():
        return file
    names = short_names()
    hint = did_you_mean(name, names)
    raise UserError(
        f"no config {str(reference)!r}: neither a file nor the name of a provided one{hint} "
        "('tricklift config --list' prints all names)"
    )


@contextmanager
def silently() -> Iterator[None]:
    """Keeps back what mmengine prints of a config that it reads: stdout may be our JSON."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
