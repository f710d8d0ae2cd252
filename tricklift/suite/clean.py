"""What a finished folder no longer needs: `tricklift clean`."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tricklift.errors import MissingFileError
from tricklift.records import lock
from tricklift.records.schema import RESULT_FILE
from tricklift.suite import graph
from tricklift.suite.jobs import STALE

#: Names that `tricklift.records.atomic` gives to files that are not yet whole.
UNFINISHED = ".*.tmp*"
HOUR = 3600.0


@dataclass(frozen=True)
class Leftover:
    """A file or folder that can go.

    Attributes:
        path: Of it.
        why: In two words.
        size: In bytes.
    """

    path: Path
    why: str
    size: int


def leftovers(out: Path) -> list[Leftover]:
    """What can go, in the order of names.

    Raises:
        MissingFileError: `out` is no folder of runs, so that nothing in it is touched.
    """
    runs = sorted({file.parent for file in out.rglob(RESULT_FILE) if STALE not in file.parts})
    aside = graph.folder_of(out) / STALE
    if not runs and not (out / graph.FILE).is_file() and not aside.is_dir():
        raise MissingFileError(
            f"no runs in {out}; give the folder of a 'tricklift run' (its --out)"
        )
    found = [_leftover(path, "set aside") for path in sorted(aside.glob("*"))]
    busy = {run for run in runs if lock.is_held(lock.of_run(run)[0])}
    for run in runs:
        if run not in busy:
            found += [_leftover(path, "old checkpoint") for path in sorted(_outdated(run))]
    for path in sorted(out.rglob(UNFINISHED)):
        old = time.time() - path.stat().st_mtime > HOUR  # a younger one may be in the making
        if old and STALE not in path.parts and busy.isdisjoint(path.parents):
            found.append(_leftover(path, "unfinished"))
    return found


def _outdated(run: Path) -> Iterator[Path]:
    """Checkpoints of a run older than its last, but the best; none where the last is not known.

    A newer one is about to become the last: the run may go on, on a host whose lock is not seen.
    """
    note = run / "last_checkpoint"
    last = Path(note.read_text().strip()).name if note.is_file() else ""
    if not (run / last).is_file():
        return
    for file in run.glob("*.pth"):
        older = file.stat().st_mtime <= (run / last).stat().st_mtime
        if older and file.name != last and not file.name.startswith("best_"):
            yield file


def _leftover(path: Path, why: str) -> Leftover:
    files = [path] if path.is_file() or path.is_symlink() else path.rglob("*")
    return Leftover(path, why, sum(file.lstat().st_size for file in files))


def remove(found: Sequence[Leftover]) -> None:
    """Remove files and folders."""
    for one in found:
        if one.path.is_dir() and not one.path.is_symlink():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)
