"""Jobs that start warm: forked from a process that has imported what trainings need.

torch, mmdet and mmseg take some 5 processor seconds to import, at a moment when nothing trains. A
fork of a process that has them begins at once, and ends without taking the interpreter apart. It is
the standard library's fork server; a job's output comes through a pipe, as from a process that was
started cold.
"""

import gc
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import TypeVar

from tricklift.compat import imports
from tricklift.suite.devices import accelerators
from tricklift.suite.parent import end_after

T = TypeVar("T")

#: Imported once for all jobs; nothing in them computes, so no thread runs at the fork.
PRELOAD = ["tricklift.train", "tricklift.cli.training", "cls", "det", "seg", "backbones.export"]


@cache
def possible() -> bool:
    """Whether jobs can start warm here: on Linux without an accelerator that torch can use.

    A fork does not survive an accelerator's driver.
    """
    return sys.platform == "linux" and accelerators() == 0


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def call(function: Callable[..., T], *arguments: object) -> T:
    """What a function gives in another process, which imports what it needs; errors come back."""
    context = _server() if possible() else multiprocessing.get_context("spawn")
    quiet = (signal.SIGINT, signal.SIG_DFL)  # it ends by Ctrl-C without a word
    with ProcessPoolExecutor(
        1, mp_context=context, initializer=signal.signal, initargs=quiet
    ) as pool:
        return pool.submit(_knowing, imports.given(), function, *arguments).result()


def _knowing(own: Sequence[str], function: Callable[..., T], *arguments: object) -> T:
    """What a function gives where the user's own code (`--import`) is imported."""
    imports.take(own)
    return function(*arguments)


class WarmJob:
    """A run of the command `tricklift`, with what `run` needs of a `subprocess.Popen`.

    Args:
        arguments: Behind `tricklift`.
        environment: Of the job; the number of threads counts although torch is imported already.

    Attributes:
        stdout: Its output.
        pid: Of the process and of its group.
    """

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        reader, writer = multiprocessing.Pipe(duplex=False)
        self._process = _server().Process(
            target=_work, args=(list(arguments), dict(environment), writer)
        )
        self._process.start()
        writer.close()
        self.stdout = open(os.dup(reader.fileno()), "rb", buffering=0)  # noqa: SIM115
        reader.close()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Its exit code; None where it still runs."""
        return self._process.exitcode


def _work(arguments: list[str], environment: dict[str, str], output: Connection) -> None:
    """In the fork: all that is written goes to `output`; ends with the command's exit code."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a fork has one"
    os.setsid()  # Ctrl-C is for the front door alone
    end_after(parent.join)
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    output.close()
    # Fresh streams: those of the server may belong to a file, and know its position.
    sys.stdout, sys.stderr = (
        open(descriptor, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        for descriptor in (1, 2)
    )
    gc.freeze()  # what is imported stays: collections need not look at it
    os.environ.clear()
    os.environ.update(environment)

    import torch

    if threads := environment.get("OMP_NUM_THREADS", "").partition(",")[0]:
        torch.set_num_threads(int(threads))
    sys.argv = ["tricklift", *arguments]
    runpy.run_module("tricklift", run_name="__main__")  # as `python -m tricklift` does
