"""What happens when an op is called that has no stand-in."""

from collections.abc import Callable
from typing import NoReturn

__all__ = ["MissingOpError", "missing"]


class MissingOpError(NotImplementedError):
    """A compiled op of mmcv was called that has no stand-in here."""


def missing(name: str) -> Callable[..., NoReturn]:
    """Return a function that raises `MissingOpError` for the op `name`."""

    def op(*args: object, **kwargs: object) -> NoReturn:
        raise MissingOpError(
            f"the op {name!r} of mmcv has no stand-in in tricklift.compat.ops. Either choose a "
            "config without it, or install compiled mmcv (replace mmcv-lite: `pip uninstall "
            "mmcv-lite && pip install 'mmcv>=2.1,<2.2'`, which needs a torch it compiles against); "
            "a compiled mmcv is then used instead."
        )

    op.__name__ = op.__qualname__ = name
    return op
