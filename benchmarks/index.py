"""Starting on a large set: how long until the list of images stands, and what a worker adds."""

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import Finding, Progress, Work, against, at_most, take_turns
from tricklift.records.environment import environment

IMAGENET = 1_281_167
CLASSES = 1000
REAL_FILES = 50_000
WORKERS = 4
SECONDS = 2.0
MEGABYTES = 60.0


def bench(say: Progress) -> list[Finding]:
    """The second start on ImageNet's number of images, its workers' memory, and a real scan."""
    with tempfile.TemporaryDirectory() as folder, environment(XDG_CACHE_HOME=f"{folder}/cache"):
        root = Path(folder) / "imagenet"
        for number in range(CLASSES):
            (root / f"n{number:08}").mkdir(parents=True)
        say(f"writing an index of {IMAGENET:,} names")
        keep_synthetic(root)
        say("opening it again")
        return [second_start(root), worker_memory(root, say), scan(Path(folder) / "real", say)]


def keep_synthetic(root: Path) -> None:
    """Keep an index of ImageNet's size for `root`; its files need not exist."""
    from cls.datasets import class_names
    from cls.index import FolderIndex, folder_fingerprint, store

    classes = class_names(root)
    share, rest = divmod(IMAGENET, len(classes))
    files = {
        name: [f"{name}_{number}.JPEG" for number in range(share + (place < rest))]
        for place, name in enumerate(classes)
    }
    index = FolderIndex.of(str(root), files)
    looked_into = 10**9  # says that no file needs to be opened any more
    store(index, folder_fingerprint(root, classes), looked_into)


def opened(root: Path) -> Any:
    """The data set, as a run builds it."""
    from cls.datasets import ClassFolders

    # In the place of decoding: touches the record, and costs nothing else.
    return ClassFolders(str(root), [lambda results: len(results["img_path"])], CLASSES)


def second_start(root: Path) -> Finding:
    """Seconds until the set is there, where its index has been kept."""
    assert len(opened(root)) == IMAGENET
    laps = take_turns({"ours": lambda: opened(root)})["ours"]
    case = f"second start on {IMAGENET:,} images in {CLASSES} classes"
    return at_most(SECONDS, median(lap.wall for lap in laps), "s", bench="index", case=case)


def worker_memory(root: Path, say: Progress) -> Finding:
    """Memory that a worker adds (PSS): the most of samples every 50 batches of an epoch."""
    from torch.utils.data import DataLoader

    data = opened(root)
    alone = pss(os.getpid())
    loader = DataLoader(
        data, batch_size=4096, num_workers=WORKERS, multiprocessing_context="fork", shuffle=True
    )
    seen, most = 0, 0.0
    for number, batch in enumerate(loader):
        seen += len(batch)
        if number % 50 == 0:
            say(f"{seen:,} of {IMAGENET:,} names through {WORKERS} workers")
            most = max(most, (pss_of_tree() - alone) / WORKERS)
    case = f"memory that each of {WORKERS} workers adds (PSS), the most over an epoch"
    return at_most(MEGABYTES, most, "MB", bench="index", case=case)


def pss(process: int) -> float:
    """Megabytes of a process, shared pages counted in part (Linux)."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def pss_of_tree() -> float:
    """Megabytes of this process and its children."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return sum(pss(int(process)) for process in [str(os.getpid()), *children])


def scan(root: Path, say: Progress) -> Finding:
    """Listing a real tree for the first time, without and with our look into each file's head."""
    from torchvision.datasets import ImageFolder

    from cls.datasets import ClassFolders

    say(f"writing {REAL_FILES:,} files")
    for number in range(100):
        folder = root / f"class{number:03}"
        folder.mkdir(parents=True)
        for place in range(REAL_FILES // 100):
            (folder / f"{place:06}.jpg").touch()
    scans: dict[str, Work] = {
        "ours": lambda: ClassFolders(str(root), [], checked_files=0, cached_from=None),
        "ImageFolder": lambda: ImageFolder(root),
    }
    case = f"first scan of {REAL_FILES:,} files, against torchvision's ImageFolder"
    known: dict[str, Any] = {"bench": "index", "case": case, "unit": "files/s"}
    return against(take_turns(scans, say=say), "ImageFolder", amount=REAL_FILES, **known)
