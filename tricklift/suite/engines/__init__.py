"""Where jobs run: the interface of the engines, one file each beside this one.

The front door (`tricklift.suite.run`) plans, checks and writes `OUT/jobs.json`; an engine brings
the jobs to their end, each through `tricklift.suite.work`, which keeps `OUT/logs` and `OUT/state`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tricklift.suite.board import Board
from tricklift.suite.jobs import Job


@dataclass(frozen=True)
class Resources:
    """What a training gets; an export is always one process.

    Attributes:
        processes: On each node, one a GPU where there are GPUs.
        gpus: On each node.
        nodes: Hosts.
    """

    processes: int = 1
    gpus: int = 0
    nodes: int = 1

    @property
    def single(self) -> bool:
        """Whether it is one process in all."""
        return self.processes * self.nodes == 1


@dataclass(frozen=True)
class Failure:
    """A job that did not end well.

    Attributes:
        name: Of the job.
        words: What went wrong, in one line.
        log: All that it said.
        code: Exit code of its last attempt; below 0, the signal that killed it.
    """

    name: str
    words: str
    log: Path
    code: int


class Engine(Protocol):
    """Brings jobs to their end."""

    def check(self) -> None:
        """Look whether it can run here what it was asked to; nothing has started yet.

        Raises:
            UserError: It cannot.
        """

    def run(self, jobs: Sequence[Job], out: Path, board: Board) -> list[Failure]:
        """Bring jobs to their end, each after those that it needs; returns those that failed.

        A job that fails does not stop those that do not need it. Those that need it are left.

        Args:
            jobs: Not yet done, each after those among them that it needs.
            out: Output folder, which holds `jobs.json`.
            board: Where to say what happens.
        """
