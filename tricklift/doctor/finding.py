"""One thing found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

#: As it should be; works, with something to know; will not work.
Level = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line of `tricklift doctor`.

    Attributes:
        what: Of what, e.g. `/dev/shm`.
        said: What was found.
        level: How good that is.
        remedy: What to do about it; empty where it is as it should be.
    """

    what: str
    said: str
    level: Level = "ok"
    remedy: str = ""

    def __post_init__(self) -> None:
        assert (self.level == "ok") == (not self.remedy), f"{self.what}: a remedy goes with trouble"
