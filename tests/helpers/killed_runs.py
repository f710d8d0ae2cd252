"""Trainings in processes of their own that are killed where a test says; a script and its client.

One process imports what is slow to import and forks each training from itself, so that twenty
kills cost twenty trainings and one start. A killed process ends by a real SIGKILL: at a planted
place (half of a checkpoint's bytes are written, a validation runs, ...) or after a time.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Where a training can be killed -> how often it comes there, at the most, in a run of `TASKS`.
PLACES = {
    "step": 10,  # after the n-th step
    "write": 5,  # the n-th checkpoint is half written
    "unnamed": 5,  # it is written, under its temporary name
    "unnoted": 5,  # it has its name, and `last_checkpoint` names the one before
    "untidied": 3,  # the one that it outdates is still there
    "validation": 6,  # before the n-th batch of a validation
    "result": 6,  # result.json is half written
}


#: Of mmdet and mmseg, which mmengine imports when a run needs them.
PARTS = ("datasets", "engine", "evaluation", "models", "structures", "visualization")


class Trainer:
    """The client: starts the script once, and has it train."""

    def __init__(self, root: Path, log: Path) -> None:
        repo = Path(__file__).resolve().parents[2]
        self.log = log
        self.script = subprocess.Popen(
            [sys.executable, __file__],
            env=dict(
                os.environ,
                PYTHONPATH=os.pathsep.join([str(repo), os.environ.get("PYTHONPATH", "")]),
                OMP_NUM_THREADS="1",
                CUDA_VISIBLE_DEVICES="-1",
                TRICKLIFT_ROOT=str(root),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def train(self, config: str, work_dir: Path, **order: Any) -> bool:
        """Trains, or resumes, `config` in `work_dir`.

        Args:
            config, work_dir: Of `tricklift.train.build_config`.
            order: `settings` (more of its arguments), `kill` (place, n-th time), `after` (seconds),
                `processes`.

        Returns:
            Whether it came to its end; False if it was killed.

        Raises:
            AssertionError: It failed in another way; with the end of its output.
        """
        order |= {"config": config, "work_dir": str(work_dir), "log": str(self.log)}
        self.script.stdin.write(json.dumps(order) + "\n")
        self.script.stdin.flush()
        ends = json.loads(self.script.stdout.readline())
        if -signal.SIGKILL in ends:
            return False
        assert set(ends) == {0}, f"{ends}: {self.log.read_text()[-6000:]}"
        return True

    def close(self) -> None:
        self.script.stdin.write("\n")  # processes of other tests may hold the pipe open, too
        self.script.stdin.close()
        self.script.wait(timeout=60)


def _serve() -> None:
    """Takes orders from stdin, one a line, and answers with the exit codes of their processes."""
    from tricklift import train  # noqa: F401  (imported here once)

    for line in iter(sys.stdin.readline, ""):
        if not line.strip():
            break
        order = json.loads(line)
        task = order["config"].split("/")[0]
        library = {"det": "mmdet", "seg": "mmseg"}.get(task)
        for name in (task, *(f"{library}.{part}" for part in PARTS if library)):
            importlib.import_module(name)  # each training would import it again
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        count = order.get("processes", 1)
        children = []
        for rank in range(count):
            child = os.fork()
            if child == 0:
                _child(order, rank, count, port)
            children.append(child)
        print(json.dumps(_ends(children, order)), flush=True)


def _ends(children: list[int], order: dict[str, Any]) -> list[int]:
    """Waits for all; if one ends badly, or the time is over, all are killed."""
    ends: dict[int, int] = {}
    deadline = time.monotonic() + order.get("after", 300)
    while len(ends) < len(children):
        for child in children:
            done, status = os.waitpid(child, os.WNOHANG) if child not in ends else (0, 0)
            if done:
                ends[child] = os.waitstatus_to_exitcode(status)
        if any(ends.values()) or time.monotonic() > deadline:
            for child in children:
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)  # its data workers too
        time.sleep(0.01)
    return list(ends.values())


def _child(order: dict[str, Any], rank: int, count: int, port: int) -> None:
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (0, 1, 2):
        os.dup2(log, stream)
    settings = order.get("settings", {})
    if count > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        settings = {**settings, "launcher": "pytorch"}
    code = 1
    try:
        import torch

        from tricklift import train

        torch.set_num_threads(1)
        if order.get("kill") and (rank == 0 or order["kill"][0] == "saved"):
            _plant(*order["kill"])
        cfg = train.build_config(
            order["config"], work_dir=order["work_dir"], resume="auto", **settings
        )
        train.train(cfg)
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _plant(place: str, times: int) -> None:
    """Kills this process when it comes to a place for the n-th time.

    Place "saved" is step n: a checkpoint is saved there, wherever in an epoch that is.
    """
    from mmengine.dist import get_rank
    from mmengine.hooks import CheckpointHook, Hook

    from tricklift.compat import checkpoints, every_run
    from tricklift.records import atomic

    left = [times]

    def due() -> bool:
        left[0] -= 1
        return left[0] == 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    class Dies(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner: Any, *batch: Any, **more: Any) -> None:
            if place == "step" and due():
                die()
            if place == "saved" and runner.iter + 1 == times:
                # as on a cluster's signal: all processes save, and one of them is killed first
                (hook,) = (hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
                meta = dict(epoch=runner.epoch, iter=times)
                hook._save_checkpoint_with_step(runner, f"step_{times}", meta)
                if get_rank() == 0:
                    die()

        def before_val_iter(self, runner: Any, *batch: Any, **more: Any) -> None:
            if place == "validation" and due():
                die()

    every_run.HOOKS = (*every_run.HOOKS, Dies)
    write, replace = Path.write_bytes, os.replace

    def write_bytes(self: Path, data: bytes) -> int:
        suffix = {"write": ".pth", "result": ".json"}.get(place)
        if suffix is not None and self.name.endswith(f".tmp{suffix}") and due():
            write(self, data[: len(data) // 2])
            die()
        return write(self, data)

    def rename(source: Any, target: Any) -> None:
        checkpoint = str(target).endswith(".pth")
        if place == "unnamed" and checkpoint and due():
            die()
        replace(source, target)
        if place == "unnoted" and checkpoint and due():
            die()

    def catch_up(self: Any, kept: Any) -> None:
        if place == "untidied" and self.outdated and due():
            die()
        tidy(self, kept)

    tidy = checkpoints.RemovesLater.catch_up
    Path.write_bytes = write_bytes  # type: ignore[method-assign]
    atomic.os.replace = rename
    checkpoints.RemovesLater.catch_up = catch_up  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
