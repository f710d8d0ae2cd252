"""The ladder of a tier on one GPU, in pieces of some minutes: `make ladder-gpu`.

It needs tricklift installed, the archives of the data sets and this file. Several jobs share the
GPU, seed after seed. After `--minutes` it stops what runs, and packs what must outlive the machine
into `OUT/back`: all results, and of the exports those that unfinished runs start from, in pieces of
at most 15 MB. The same command, with that folder in its place, goes on from there:

    python -P ladder_gpu.py --data ARCHIVES --out runs/small-gpu --seeds 0,1,2,3,4 --minutes 9

In the repository: `python -m benchmarks.ladder_gpu`. Without `-P` the folder's own `profile.py`
would stand before Python's.

`--pilot` runs the same rows on a part of the training images and judges them on the rest, for the
choice of schedules.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from tricklift.data import prepare
from tricklift.paths import config_root
from tricklift.records.schema import RESULT_FILE
from tricklift.suite.jobs import Export, Job, Training
from tricklift.suite.plan import plan
from tricklift.suite.tier_file import read
from tricklift.suite.tiers import NO_PRETRAINING

#: Bytes of a piece of packed exports, and of all of them.
PIECE, ALL_PIECES = 15_000_000, 60_000_000
RESULTS = "results.tar.gz"
#: Seconds that runs get to save and end.
GRACE = 25.0
TRICKLIFT = (sys.executable, "-P", "-m", "tricklift")


def main() -> int:
    """Prepares, unpacks, runs for the time given, packs; 0 where all is done."""
    given = arguments()
    ends = time.monotonic() + 60 * given.minutes
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if given.data:
        os.environ["TRICKLIFT_DATA"] = str(given.data.resolve())
    unpack(out)
    tier = pilot(given.tier, out, given.root) if given.pilot else given.tier
    for name in sorted({name for names in read(tier).data.values() for name in names}):
        prepare.prepare(name, given.root, say=print)
    left = pending(tier, out, given)
    print(f"{sum(map(len, left.values()))} rows to run", flush=True)
    code = 0
    for rows, seeds in groups(left):
        code = run(tier, rows, seeds, given, ends) or code
    pack(out, tier, given)
    left = pending(tier, out, given)
    print("all done" if not left else f"left: {left}", flush=True)
    return code if left else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tier", default="small", help="name, or path of a tier file")
    parser.add_argument("--data", type=Path, help="folder of the archives [TRICKLIFT_DATA]")
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=Path("runs/small-gpu"))
    parser.add_argument("--seeds", type=split, default=["0", "1", "2", "3", "4"])
    parser.add_argument("--rows", type=split, help="of the tier [all]")
    parser.add_argument("--jobs", type=int, default=8, help="side by side [8]")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many")
    parser.add_argument("--pilot", action="store_true", help="judge on held-out training images")
    return parser.parse_args()


def split(text: str) -> list[str]:
    """`a,b` as a list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def rows_of(tier: str, given: argparse.Namespace) -> list[str]:
    """The rows that were asked for, each by its own name."""
    what = read(tier)
    own = [name for name in what.row_names() if name != NO_PRETRAINING]
    return given.rows or [*dict.fromkeys([*own, *what.random_rows()])]


def planned(
    tier: str, out: Path, given: argparse.Namespace, seed: str, rows: list[str]
) -> dict[str, Job]:
    """The jobs of some rows with one seed, by name."""
    jobs = plan(tier, out, seeds=[int(seed)], rows=rows, root=given.root)
    return {job.name: job for job in jobs}


def pending(tier: str, out: Path, given: argparse.Namespace) -> dict[str, list[str]]:
    """Seed -> rows that are not whole; of their pretrainings, those whose export is lost go anew.

    A row whose runs downstream are done needs neither its export nor its checkpoints any more.
    """
    found: dict[str, list[str]] = {}
    for seed in given.seeds:
        for row in rows_of(tier, given):
            jobs = planned(tier, out, given, seed, [row]).values()
            if all(job.has_result() for job in jobs if isinstance(job, Training)):
                continue
            found.setdefault(seed, []).append(row)
            for job in jobs:
                if isinstance(job, Export) and job.training.has_result() and is_lost(job):
                    (job.training.work_dir / RESULT_FILE).unlink()
    return found


def is_lost(export: Export) -> bool:
    """Whether there is neither the export nor anything to make it from."""
    return not export.file.is_file() and not any(export.training.work_dir.glob("*.pth"))


def groups(left: dict[str, list[str]]) -> list[tuple[list[str], list[str]]]:
    """Rows and seeds of each call: seeds that lack the same rows go together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for seed, rows in left.items():
        found.setdefault(tuple(rows), []).append(seed)
    return [(list(rows), seeds) for rows, seeds in found.items()]


def run(
    tier: str, rows: Sequence[str], seeds: Sequence[str], given: argparse.Namespace, ends: float
) -> int:
    """One call of `tricklift run`, stopped in time to save and to pack."""
    seconds = ends - time.monotonic() - 2 * GRACE
    if seconds <= 0:
        return 1
    command = [*TRICKLIFT, "run", str(tier), "--out", str(given.out), "--root", str(given.root)]
    command += ["--rows", ",".join(rows), "--seeds", ",".join(seeds), "--jobs", str(given.jobs)]
    if gpus():
        command += ["--gpus-per-job", str(1 / given.jobs)]
    process = subprocess.Popen(command)
    timer = threading.Timer(seconds, process.send_signal, [signal.SIGTERM])
    timer.start()
    try:
        return process.wait(seconds + GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        timer.cancel()


def gpus() -> bool:
    """Whether there is a GPU that torch can use; asked in a child, so that none is held here."""
    ask = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", ask]).returncode == 0


def pack(out: Path, tier: str, given: argparse.Namespace) -> None:
    """Writes `OUT/back`: results, and as many of the exports that are still needed as fit."""
    back = out / "back"
    back.mkdir(exist_ok=True)
    with tarfile.open(back / RESULTS, "w:gz") as tar:
        for file in [*out.glob("*/*/seed*/result.json"), *out.glob("*.json")]:
            tar.add(file, file.relative_to(out))
    for old in back.glob("exports.tar.*"):
        old.unlink()
    whole, files = out / "exports.tar", needed(out, tier, given)
    with tarfile.open(whole, "w") as tar:
        room = ALL_PIECES - tarfile.RECORDSIZE
        for file in files:
            size = file.stat().st_size + 3 * tarfile.BLOCKSIZE
            if size <= room:
                tar.add(file, file.relative_to(out))
                room -= size
    with whole.open("rb") as source:
        for number in range(ALL_PIECES // PIECE):
            if files and (piece := source.read(PIECE)):
                (back / f"exports.tar.{number}").write_bytes(piece)
    whole.unlink()
    print("to keep:", *(f"{f.name} ({f.stat().st_size / 1e6:.1f} MB)" for f in back.iterdir()))


def needed(out: Path, tier: str, given: argparse.Namespace) -> list[Path]:
    """Exports that unfinished runs start from or learn from, those of most runs first."""
    uses: dict[Path, int] = {}
    for seed in given.seeds:
        jobs = planned(tier, out, given, seed, rows_of(tier, given))
        for job in jobs.values():
            for need in job.needs if not job.has_result() else ():
                export = jobs[need]
                if isinstance(export, Export) and export.file.is_file():
                    uses[export.file] = uses.get(export.file, 0) + 1
    return sorted(uses, key=lambda file: (-uses[file], file.name))


def unpack(out: Path) -> None:
    """Puts what `pack` wrote back in place; what is there already stays."""
    back = out / "back"
    pieces = sorted(back.glob("exports.tar.*"))
    if pieces:
        (out / "exports.tar").write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    for archive in (back / RESULTS, out / "exports.tar"):
        if not archive.is_file():
            continue
        with tarfile.open(archive) as tar:
            absent = [member for member in tar if not (out / member.name).exists()]
            tar.extractall(out, members=absent, filter="data")
    (out / "exports.tar").unlink(missing_ok=True)


def pilot(tier: str, out: Path, root: Path) -> str:
    """Writes the tier's file anew, on training images alone; returns its path.

    Held out: of each class of Tiny ImageNet 50 of the images that no row trains on, every fifth
    picture of Groceries' trainval, and the last fifth of CamVid's training frames in a row.
    """
    held = yaml.safe_load((config_root() / "tiers" / f"{tier}.yaml").read_text(encoding="utf-8"))
    images = root.resolve() / "tiny-imagenet-100" / "train"
    det = {"train": [i for i in range(1500) if i % 5], "val": list(range(0, 1500, 5))}
    seg = {"train": list(range(374)), "val": list(range(374, 468))}
    held["name"], held["about"] = f"{tier}-pilot", "judged on held-out training images"
    held["options"] = {
        "cls": [
            f"val_dataloader.dataset.data_root={images}",
            "+val_dataloader.dataset.per_class=(250,300)",
        ],
        "det": [
            "val_dataloader.dataset.ann_file=ImageSets/Main/trainval.txt",
            "+train_dataloader.dataset.indices=" + compact(det["train"]),
            "+val_dataloader.dataset.indices=" + compact(det["val"]),
        ],
        "seg": [
            "val_dataloader.dataset.data_prefix.img_path=images/training",
            "val_dataloader.dataset.data_prefix.seg_map_path=annotations/training",
            "+train_dataloader.dataset.indices=" + compact(seg["train"]),
            "+val_dataloader.dataset.indices=" + compact(seg["val"]),
        ],
    }
    file = out / f"{tier}-pilot.yaml"
    file.write_text(yaml.safe_dump(held, sort_keys=False), encoding="utf-8")
    return str(file)


def compact(numbers: Iterable[int]) -> str:
    """A list without spaces, as `--cfg-options` takes it."""
    return json.dumps(list(numbers), separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
