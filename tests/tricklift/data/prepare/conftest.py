"""Tiny data sets in the archives' published structure, and a server that can misbehave."""

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from tricklift.data import prepare
from tricklift.data.prepare.published import Archive
from tricklift.data.prepare.sets import SETS, DataSet, Expected


def picture(shade: int, kind: str = "JPEG") -> bytes:
    """A real picture of 8x8 pixels, all of the grey value 50 * shade."""
    file = io.BytesIO()
    Image.new("L", (8, 8), 50 * shade).save(file, kind)
    return file.getvalue()


def tar_bytes(contents: Mapping[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zip_bytes(contents: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return file.getvalue()


def voc_archives() -> dict[str, bytes]:
    def files(year: int, names: list[str], lists: dict[str, str]) -> bytes:
        top = f"VOCdevkit/VOC{year}"
        return tar_bytes(
            {
                **{f"{top}/JPEGImages/{name}.jpg": picture(int(name[-1])) for name in names},
                **{f"{top}/Annotations/{name}.xml": b"<annotation/>" for name in names},
                **{f"{top}/ImageSets/Main/{k}.txt": v.encode() for k, v in lists.items()},
            }
        )

    return {
        "VOCtrainval_06-Nov-2007.tar": files(
            2007, ["000001", "000003"], {"trainval": "000001\n000003\n"}
        ),
        "VOCtest_06-Nov-2007.tar": files(2007, ["000002"], {"test": "000002\n"}),
        "VOCtrainval_11-May-2012.tar": files(
            2012, ["2008_000001", "2008_000002"], {"trainval": "2008_000002\n"}
        ),
    }


def ade20k_archives() -> dict[str, bytes]:
    top = "ADEChallengeData2016"
    contents = {f"{top}/objectInfo150.txt": b"info", "__MACOSX/._objectInfo150.txt": b"mac"}
    for split, short, number in (("training", "train", 2), ("validation", "val", 1)):
        for i in range(1, number + 1):
            stem = f"ADE_{short}_{i:08d}"
            contents[f"{top}/images/{split}/{stem}.jpg"] = picture(i)
            contents[f"{top}/annotations/{split}/{stem}.png"] = picture(i, "PNG")
    return {f"{top}.zip": zip_bytes(contents)}


#: Two synsets with pictures and one above them; ILSVRC2012_IDs in another order than the names.
WNIDS = {2: "n00000001", 1: "n00000002", 3: "n00000009"}
IMAGENET_TRUTH = [1, 2, 1, 2]


def imagenet_archives() -> dict[str, bytes]:
    import numpy as np
    from scipy.io import savemat

    meta = io.BytesIO()
    synsets = np.array(list(WNIDS.items()), dtype=[("ILSVRC2012_ID", np.float64), ("WNID", object)])
    savemat(meta, {"synsets": synsets})
    classes = [wnid for number, wnid in WNIDS.items() if number < 3]
    kit = "ILSVRC2012_devkit_t12"
    return {
        "ILSVRC2012_img_train.tar": tar_bytes(
            {
                f"{wnid}.tar": tar_bytes({f"{wnid}_{i}.JPEG": picture(i) for i in range(3)})
                for wnid in classes
            }
        ),
        "ILSVRC2012_img_val.tar": tar_bytes(
            {
                f"ILSVRC2012_val_{i:08d}.JPEG": picture(number)
                for i, number in enumerate(IMAGENET_TRUTH, start=1)
            }
        ),
        f"{kit}.tar.gz": tar_bytes(
            {
                f"{kit}/readme.txt": b"",
                f"{kit}/data/meta.mat": meta.getvalue(),
                f"{kit}/data/ILSVRC2012_validation_ground_truth.txt": "".join(
                    f"{number}\n" for number in IMAGENET_TRUTH
                ).encode(),
            },
            "w:gz",
        ),
    }


def places365_archives() -> dict[str, bytes]:
    categories = ("/a/airfield", "/a/apartment_building/outdoor")
    return {
        "train_256_places365standard.tar": tar_bytes(
            {f"data_256{c}/{i:08d}.jpg": picture(i) for c in categories for i in range(1, 4)}
        ),
        "val_256.tar": tar_bytes(
            {f"val_256/Places365_val_{i:08d}.jpg": picture(i) for i in range(1, 3)}
        ),
        "filelist_places365-standard.tar": tar_bytes(
            {
                "./categories_places365.txt": "".join(
                    f"{name} {i}\n" for i, name in enumerate(categories)
                ).encode(),
                "./places365_val.txt": b"Places365_val_00000001.jpg 1\n"
                b"Places365_val_00000002.jpg 0\n",
            }
        ),
    }


@cache  # some formats hold the time: made once, their checksums stay
def archives_of(name: str) -> dict[str, bytes]:
    """File name -> contents of the archives of a tiny set."""
    return {
        "voc": voc_archives,
        "ade20k": ade20k_archives,
        "imagenet": imagenet_archives,
        "places365": places365_archives,
    }[name]()


#: Set -> part -> what the tiny one holds.
WHOLES = {
    "voc": {
        "VOC2007": {
            "counts": {"JPEGImages": 3, "Annotations": 3},
            "lists": {
                "ImageSets/Main/trainval.txt": (2, "JPEGImages"),
                "ImageSets/Main/test.txt": (1, "JPEGImages"),
            },
        },
        "VOC2012": {
            "counts": {"JPEGImages": 2, "Annotations": 2},
            "lists": {"ImageSets/Main/trainval.txt": (1, "JPEGImages")},
        },
    },
    "ade20k": {
        "": {
            "counts": {
                "images/training": 2,
                "annotations/training": 2,
                "images/validation": 1,
                "annotations/validation": 1,
            }
        }
    },
    "imagenet": {
        "train": {"counts": {"": 6}, "classes": (2, 3, 3)},
        "val": {
            "counts": {"": 4},
            "classes": (2, 2, 2),
            "known": ("n00000002/ILSVRC2012_val_00000001.JPEG",),
        },
    },
    "places365": {
        "train": {"counts": {"": 6}, "classes": (2, 3, 3)},
        "val": {"counts": {"": 2}, "classes": (2, 1, 1)},
    },
}


def tiny(name: str, url: str | None = None) -> DataSet:
    """The known set, but for how much it holds and what is published about its archives."""
    known = SETS[name]
    parts = tuple(
        replace(part, expected=replace(part.expected, **WHOLES[name][part.folder]))
        for part in known.parts
    )
    archives = tuple(
        Archive(
            file,
            len(data),
            f"md5:{hashlib.md5(data).hexdigest()}",
            f"{url}/{file}" if url else None,
            nested=file == "ILSVRC2012_img_train.tar",
        )
        for file, data in archives_of(name).items()
    )
    return replace(known, parts=parts, archives=lambda: archives)


@dataclass(frozen=True)
class Shrunk:
    """A tiny set that `prepare` takes for the real one.

    Attributes:
        name: Of the set.
        archives: The folder that holds its archives.
        root: Where it is to be put; not there yet.
    """

    name: str
    archives: Path
    root: Path

    @property
    def place(self) -> Path:
        return self.root / prepare.SETS[self.name].folder

    def prepare(self, **options) -> Path:
        return prepare.prepare(self.name, self.root, **options)

    def missing(self) -> str | None:
        return prepare.missing(self.name, self.root)


@pytest.fixture
def shrunk(tmp_path, monkeypatch) -> Callable[..., Shrunk]:
    """Makes a set tiny; its archives lie in a folder that only `--from` can name."""
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "data"))

    def make(name: str, url: str | None = None) -> Shrunk:
        monkeypatch.setitem(prepare.SETS, name, tiny(name, url))
        folder = tmp_path / "fetched"
        folder.mkdir(exist_ok=True)
        for file, data in archives_of(name).items():
            (folder / file).write_bytes(data)
        return Shrunk(name, folder, tmp_path / "root")

    return make


@pytest.fixture
def bccd(tmp_path, monkeypatch) -> Path:
    """A small set of five files; returns the folder for `bccd.tar.gz` (TRICKLIFT_DATA)."""
    part = replace(SETS["bccd"].parts[0], expected=Expected(counts={"train": 3, "val": 2}))
    monkeypatch.setitem(prepare.SETS, "bccd", replace(SETS["bccd"], parts=(part,)))
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "archives"))
    (tmp_path / "archives").mkdir()
    return tmp_path / "archives"


@dataclass
class Server:
    """An HTTP server on this machine, with the faults that a test asks for.

    Attributes:
        url: Its address.
        files: Name -> contents.
        ranges: Whether it heeds the Range header.
        most: Bytes that it sends of a range.
        cuts: The connection of the n-th request ends after cuts[n] bytes of its body.
        refusals: The n-th request is answered with the n-th of these codes.
        asked: Name and Range header of each request.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    most: int = 1 << 40
    cuts: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A running `Server`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, wanted = self.path.strip("/"), self.headers.get("Range")
            there.asked.append((name, wanted))
            if there.refusals:
                self.send_error(there.refusals.pop(0))
                return
            if name not in there.files:
                self.send_error(404)
                return
            data = there.files[name]
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            if not (wanted and there.ranges):
                start = 0
                self.send_response(200)
            elif start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.end_headers()
                return
            else:
                self.send_response(206)
                whole, data = len(data), data[: start + there.most]
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{whole}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            end = start + there.cuts.pop(0) if there.cuts else len(data)
            self.wfile.write(data[start:end])

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        there = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield there
        http.shutdown()
        thread.join()
