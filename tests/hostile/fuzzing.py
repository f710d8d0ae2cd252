"""Random files for each reader: ``python tests/hostile/fuzzing.py TARGET --minutes 10``.

A reader may return something or raise a `UserError`; any other error, over ten seconds, over one
GiB of memory or a file outside of its folder is a finding. Hypothesis draws the files: built of the
words of the format with odd values in their places, or whole ones with some bytes changed.
"""

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fuzz_checkpoints import checkpoint_files, read_checkpoint
from fuzz_data import WHOLE_XML, list_files, read_list, read_xml, xml_files
from fuzz_records import (
    WHOLE_RESULT,
    read_for_report,
    read_result,
    read_tier,
    result_files,
    tier_files,
)
from fuzz_runs import config_files, prediction_files, read_config, read_predictions
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from pickles import CANARY

GIB = 1 << 30
SECONDS = 10

TARGETS: dict[str, tuple[SearchStrategy[bytes], Callable[[Path], None], str]] = {
    "xml": (xml_files, read_xml, "a.xml"),
    "list": (list_files, read_list, "list.txt"),
    "result": (result_files, read_result, "result.json"),
    "report": (result_files, read_for_report, "result.json"),
    "checkpoint": (checkpoint_files, read_checkpoint, "checkpoint"),
    "tier": (tier_files, read_tier, "tier.yaml"),
    "predictions": (prediction_files, read_predictions, "predictions.json.gz"),
    "config": (config_files, read_config, "leaf.py"),
}


@contextmanager
def bounded_time():
    """Raises TimeoutError after `SECONDS`."""

    def over(*_: Any) -> None:
        raise TimeoutError(f"over {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def tried(target: str, data: bytes, folder: Path) -> None:
    """Reads one file; whatever is raised is a finding."""
    from tricklift.errors import UserError

    _, read, name = TARGETS[target]
    file = folder / "in" / name
    file.write_bytes(data)
    with bounded_time():
        try:
            read(file)
        except UserError as error:
            assert str(error)
    assert not Path(CANARY).exists(), "code of the file ran"
    assert sorted(os.listdir(folder)) == ["in"], "it left its folder"


def prepared(folder: Path) -> Path:
    """A folder with the picture that annotations and lists of these files are about."""
    from PIL import Image

    (folder / "in").mkdir()
    Image.new("RGB", (10, 10)).save(folder / "in" / "a.png")
    return folder


def warm(target: str, folder: Path) -> None:
    """Imports what the reader imports, which takes memory and time of its own."""
    _, read, name = TARGETS[target]
    for data in (b"P", b"S", WHOLE_XML, json.dumps(WHOLE_RESULT).encode()):
        (folder / "in" / name).write_bytes(data)
        with suppress(Exception):
            read(folder / "in" / name)


def limit_memory() -> None:
    """One GiB more than what is taken now."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + GIB, taken + GIB))


def key_of(error: BaseException) -> str:
    """What tells a finding from another: its kind, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {Path(frame.filename).name}:{frame.lineno}"


def _rounds(target: str, deadline: float, out: Path, start: int, first: int) -> None:
    """Reads files until the time is over; findings become files in `out`."""
    folder = prepared(Path(tempfile.mkdtemp(dir=out)))
    counted, last = [start], [time.monotonic()]
    number = first
    warm(target, folder)
    limit_memory()
    while time.monotonic() < deadline:
        number += 1

        @seed(number)
        @settings(
            max_examples=300,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(TARGETS[target][0])
        def one(data: bytes) -> None:
            (out / "current").write_bytes(data)
            counted[0] += 1
            try:
                tried(target, data, folder)
            except Exception as error:
                place = out / key_of(error).replace("/", "_")
                if not place.exists():
                    place.write_bytes(data)
                    print(f"finding: {key_of(error)}: {str(error)[:200]!r}", flush=True)
                    traceback.print_exc(limit=-4)

        one()
        (out / "count").write_text(f"{counted[0]} {number}")
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            print(f"{target}: {counted[0]} files", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, required=True, help="folder for findings")
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    out = given_.out / given_.target
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    deadline = began + 60 * given_.minutes
    (out / "count").write_text(f"0 {given_.seed}")
    while time.monotonic() < deadline:
        start, number = map(int, (out / "count").read_text().split())
        child = os.fork()
        if child == 0:
            try:
                _rounds(given_.target, deadline, out, start, number)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != 0:  # a reader took the process with it
            place = out / f"died {code} {int(time.time())}"
            place.write_bytes((out / "current").read_bytes())
            start, number = map(int, (out / "count").read_text().split())
            (out / "count").write_text(f"{start} {number + 1}")
            print(f"finding: the process died ({code})", flush=True)
    spent = time.monotonic() - began
    print(f"{given_.target}: {(out / 'count').read_text().split()[0]} files in {spent:.0f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
