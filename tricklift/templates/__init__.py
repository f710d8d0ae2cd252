"""What `tricklift new` writes: files that work as they are, for a user to change.

They are texts with `NAME` in the place of the name, since a trick's file is no module: it runs with
the config below it in sight.
"""

import importlib.util
import re
from pathlib import Path

from tricklift.errors import UserError
from tricklift.records.atomic import write_text

#: Kind -> its files, the one to change first.
KINDS = {"backbone": ("backbone", "test_backbone"), "trick": ("trick", "test_trick")}


def write(kind: str, name: str, folder: str | Path = ".") -> list[Path]:
    """Write a backbone or a trick to begin with, and its test.

    Args:
        kind: One of `KINDS`.
        name: What it is called; its file is `NAME.py`.
        folder: Where to.

    Returns:
        Both files.

    Raises:
        UserError: A name that cannot be, or a file that is there.
    """
    if not re.fullmatch(r"[a-z]\w*", name):
        raise UserError(
            f"new {kind}: {name!r} cannot be a name; take small letters, digits and _, such as "
            f"{'mynet' if kind == 'backbone' else 'longer_training'}"
        )
    folder = Path(folder)
    files = [folder / f"{part.replace(kind, name)}.py" for part in KINDS[kind]]
    for file in files:
        if file.exists():
            raise UserError(f"new {kind}: {file} is there already; take another name, or move it")
    if importlib.util.find_spec(name) is not None:
        raise UserError(
            f"new {kind}: Python has a module {name!r}, in whose place yours would not be found; "
            "take another name"
        )
    for part, file in zip(KINDS[kind], files, strict=True):
        text = Path(__file__).with_name(f"{part}.txt").read_text(encoding="utf-8")
        write_text(file, text.replace("NAME", name))
    return files
