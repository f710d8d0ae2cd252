"""What a run's log says of each parameter's start.

mmengine writes "The value is the same before and after calling `init_weights`" of whatever its own
initialisers did not change. Of a loaded or self-initialised network that reads as if nothing had
been loaded, so here such a parameter is said to be as it was built.
"""

import functools
from collections.abc import Callable
from typing import Any

from mmengine.model import BaseModule

__all__ = ["install"]

UNCHANGED = "The value is the same before and after"
AS_BUILT = "as its layer starts when it is built"


def install() -> None:
    """Replace these words in what mmengine's modules write. Idempotent."""
    if not hasattr(BaseModule._dump_init_info, "_as_built"):
        BaseModule._dump_init_info = _as_built(BaseModule._dump_init_info)


def _as_built(upstream: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(upstream)
    def dump(self: Any) -> None:
        for info in self._params_init_info.values():
            if str(info.get("init_info")).startswith(UNCHANGED):
                info["init_info"] = AS_BUILT
        upstream(self)

    vars(dump)["_as_built"] = True
    return dump
