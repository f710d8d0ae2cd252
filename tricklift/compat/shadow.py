"""A folder of the user's that Python finds in the place of one of our packages.

Their names are short (DESIGN: folder name = import name), and `python -m` and scripts look into the
current folder first.
"""

import importlib.util
import sys
from pathlib import Path

from tricklift.errors import UserError

#: What lies beside `tricklift` when it is installed.
BESIDE = ("backbones", "cls", "det", "seg")


def refuse() -> None:
    """Refuse to go on with somebody else's package.

    Raises:
        UserError: Names the folder.
    """
    home = Path(__file__).resolve().parents[2]
    for name in BESIDE:
        known = sys.modules.get(name)
        spec = known.__spec__ if known else importlib.util.find_spec(name)
        found = [*(spec.submodule_search_locations or ())] if spec else []
        if spec and spec.origin and not found:
            found = [spec.origin]
        if found and Path(found[0]).resolve() != home / name:
            raise UserError(
                f"{found[0]} is found in the place of tricklift's package {name!r}; rename it, or "
                "start from another folder"
            )


def last() -> None:
    """Let `python -m tricklift` look into the current folder last, unless we lie there."""
    home = Path(__file__).resolve().parents[2]
    first = Path(sys.path[0] or ".").resolve()
    if not sys.flags.safe_path and first == Path.cwd() and first != home:
        sys.path.append(sys.path.pop(0))
