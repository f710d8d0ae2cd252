"""Runs a command on a hostile file in a bounded process of its own; a script and its client.

One process imports what is slow to import and forks each command from itself. A command gets a GiB
of memory beyond what the imports take, ten seconds, and a folder ``in``; nothing beside that folder
may change, and no code of a file may run.
"""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pickles import CANARY

GIB = 1 << 30
SECONDS = 10
#: Characters that would reach the terminal of whoever runs the command.
STEERING = ("\x1b", "\x07", "\x9b", "\u202e")


class Case(NamedTuple):
    """A hostile file, and what is to become of it.

    Attributes:
        name: What it is.
        make: Writes it into the folder; returns the arguments of `tricklift`, or a reader of
            `READERS` and its arguments.
        ends: `refused` (exit code 2 and one line) or `read` (exit code 0).
        says: Is part of what is said.
        never: Is no part of it.
    """

    name: str
    make: Callable[[Path], list[str]]
    ends: str = "refused"
    says: str = ""
    never: str = ""


class Outcome(NamedTuple):
    """What a command did: exit code, what it said, and what it took (bytes, seconds)."""

    code: int
    out: str
    err: str
    memory: int
    seconds: float


CASES: list[Case] = []


def case(ends: str = "refused", says: str = "", never: str = "") -> Callable[..., Any]:
    """Makes a function a case; its docstring is the name."""

    def note(make: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
        assert make.__doc__ and not any(known.name == make.__doc__ for known in CASES)
        CASES.append(Case(make.__doc__, make, ends, says, never))
        return make

    return note


class Client:
    """Starts the script once, and has it run commands."""

    def __init__(self, log: Path) -> None:
        here = Path(__file__).resolve()
        kept = {key: value for key, value in os.environ.items() if key != "TRICKLIFT_DATA"}
        self.script = subprocess.Popen(
            [sys.executable, str(here)],
            env=dict(
                kept,  # without archives that are not hostile
                PYTHONPATH=os.pathsep.join(
                    [str(here.parents[2]), os.environ.get("PYTHONPATH", "")]
                ),
                OMP_NUM_THREADS="1",
                CUDA_VISIBLE_DEVICES="-1",
                HTTP_PROXY="",
                http_proxy="",
                no_proxy="*",
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )

    def run(self, arguments: list[str], folder: Path) -> Outcome:
        """Runs one command in a folder."""
        assert self.script.stdin is not None and self.script.stdout is not None
        self.script.stdin.write(json.dumps({"argv": arguments, "folder": str(folder)}) + "\n")
        self.script.stdin.flush()
        return Outcome(*json.loads(self.script.stdout.readline()))

    def close(self) -> None:
        """Ends the script."""
        assert self.script.stdin is not None
        self.script.stdin.write("\n")  # processes of other tests may hold the pipe open, too
        self.script.stdin.close()
        self.script.wait(timeout=60)


def check(found: Case, client: Client, place: Path) -> Outcome:
    """Runs a case and asserts what holds for all of them, and for this one."""
    folder = place / "in"
    folder.mkdir()
    (place / "outside").mkdir()
    (place / "outside" / "kept.txt").write_text("as it was")
    Path(CANARY).unlink(missing_ok=True)
    arguments = found.make(folder)
    before = contents(place)
    outcome = client.run(arguments, folder)
    said = outcome.out + outcome.err
    assert not Path(CANARY).exists(), "code of the file ran"
    assert contents(place) == before, "it left its folder"
    assert outcome.seconds < SECONDS, outcome
    assert outcome.memory < GIB, outcome
    assert "Traceback" not in said, said[-3000:]
    assert not any(character in said for character in STEERING), said[:500]
    assert len(said) < 100_000, "a flood"
    assert found.says in said, said[-1500:]
    assert not found.never or found.never not in said, said[-1500:]
    errors = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    if found.ends == "refused":
        assert (outcome.code, len(errors)) == (2, 1), (outcome.code, said[-1500:])
    else:
        assert (outcome.code, errors) == (0, []), (outcome.code, said[-1500:])
    return outcome


def contents(place: Path) -> dict[str, str]:
    """All that is beside the folder of a case, and its root's own names."""
    found = dict.fromkeys(os.listdir(place), "")
    for file in sorted((place / "outside").rglob("*")):
        data = file.read_bytes() if file.is_file() else b""
        found[str(file)] = hashlib.sha256(data).hexdigest()
    return found


# --- the script ----------------------------------------------------------------------------------
def pretrained(file: str) -> None:
    """Loads weights into a small network."""
    import backbones
    from backbones.checkpoint import load_pretrained

    load_pretrained(backbones.build("resnet18_b", width=0.125, num_classes=2), file)


def resumed(file: str) -> None:
    """Loads a training's checkpoint, as `--resume` does."""
    from tricklift.compat.safe_load import load_from_disk

    load_from_disk(file)


def tier(file: str) -> None:
    """Reads a tier, as `plan` and `run` do."""
    from tricklift.suite import tier_file

    print(tier_file.read(file))


def config(file: str) -> None:
    """Reads a config, as `train` and `test` do."""
    from tricklift.train import build_config

    print(build_config(file).filename)


def address(url: str, size: str = "") -> None:
    """Downloads an archive, as `prepare` does."""
    from tricklift.data.prepare.download import download
    from tricklift.data.prepare.published import Archive

    archive = Archive("a.zip", int(size) if size else None, None, url)
    download(archive, Path("archives"), pauses=(0.1, 0.1))


def checkpoint_at(url: str) -> None:
    """Loads weights from an address, as a config's `load_from` does."""
    import torch
    from mmengine.runner.checkpoint import CheckpointLoader

    torch.hub.set_dir("hub")
    CheckpointLoader.load_checkpoint(url, "cpu")


def weights_of(file: str) -> None:
    """Says what weights are, as a result does."""
    from tricklift.records.identity import weights_origin
    from tricklift.records.weights import weights_sha256

    print(weights_origin(file), weights_sha256(file))


READERS = {
    f"@{reader.__name__}": reader
    for reader in (pretrained, resumed, tier, config, address, checkpoint_at, weights_of)
}


def _serve() -> None:
    """Takes orders from stdin, one a line, and answers with outcomes."""

    import cls  # noqa: F401
    import seg  # noqa: F401
    from tricklift import train  # noqa: F401
    from tricklift.cli import main
    from tricklift.own import layouts, report  # noqa: F401
    from tricklift.suite import tier_file  # noqa: F401
    from tricklift.tables import compare, page  # noqa: F401

    for line in iter(sys.stdin.readline, ""):
        if not line.strip():
            break
        order = json.loads(line)
        folder = Path(order["folder"])
        paths = [folder.parent.with_name(f"{folder.parent.name}.{kind}") for kind in ("out", "err")]
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(order["argv"], folder, paths, main)
        code, memory = _ended(child, began + SECONDS)
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
        for path in paths:
            path.unlink()
        print(json.dumps([code, *texts, memory, time.monotonic() - began]), flush=True)


def _ended(child: int, deadline: float) -> tuple[int, int]:
    """Exit code, and bytes beyond this process's own; a late one is killed.

    A fork shares what is mapped from files only once it is touched, so that counts here.
    """
    pages = [int(number) for number in Path("/proc/self/statm").read_text().split()]
    own = (pages[1] - pages[2]) * resource.getpagesize()
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), max(0, used.ru_maxrss * 1024 - own)
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.005)


def _child(argv: list[str], folder: Path, paths: list[Path], main: Callable[..., Any]) -> None:
    os.setsid()
    for stream, path in zip((1, 2), paths, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(folder)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + GIB, taken + GIB))
    code: Any = 1
    try:
        from tricklift.errors import report_user_errors

        if argv[0] in READERS:
            with report_user_errors():
                READERS[argv[0]](*argv[1:])
        else:
            main(argv)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
