"""What a run answered on single images: the file that its last validation leaves for the report.

`<work_dir>/predictions.json.gz` (of a test `predictions-test.json.gz`) is small and bounded: of a
large set the images with the smallest digests of their names are kept, so all rows keep the same.
"""

import base64
import gzip
import hashlib
import heapq
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records.atomic import write_bytes
from tricklift.records.prediction_fields import wrong

SCHEMA = 1
#: Split -> its file in the work dir.
FILES = {"val": "predictions.json.gz", "test": "predictions-test.json.gz"}
#: Task -> at most so many images are kept.
MOST_IMAGES = {"cls": 100_000, "det": 10_000, "seg": 200}
#: Boxes of an image: at most so many, of at least this score (that of Faster R-CNN's own test).
MOST_BOXES, LEAST_SCORE = 100, 0.05
#: Of a file that is unpacked; the largest of ours have some 50 MB.
MOST_BYTES = 256 << 20
#: Longest side of a label map, in pixels.
LONGEST_SIDE = 256


#: What reading a file raises that is cut, altered, or no JSON of this kind.
_NOT_WHOLE = (
    *(OSError, EOFError, zlib.error, ValueError, TypeError, AttributeError, RecursionError),
)


@dataclass(frozen=True)
class Predictions:
    """What one run answered.

    Attributes:
        task: cls, det or seg.
        split: val or test.
        step: Iterations that were trained.
        images_of_set: Of which `images` are some or all.
        images: Each one a dict with its `name` (below `folder`; None where it is not known) and

            - cls: `label` and `top1`, class indices.
            - det: `size` (width, height); `boxes`, each [x1, y1, x2, y2, class, score], pixels and
              0 to 1, best first; `truth`, each [x1, y1, x2, y2, class, ignored (0 or 1)], or None.
            - seg: `size`; `labels` and `truth` (or None), PNG files in base64 of reduced size, one
              channel: class indices, and in `truth` 255 for what is ignored.
        classes: Names.
        palette: Colours [r, g, b], one a class; empty where the set has none.
        folder: Of the images: below `root`, or absolute.
        root: The data root of the run, absolute.
    """

    task: str
    split: str
    step: int
    images_of_set: int
    images: list[dict[str, Any]]
    classes: list[str] = field(default_factory=list)
    palette: list[list[int]] = field(default_factory=list)
    folder: str = ""
    root: str = ""


class Kept:
    """Those of many images whose names have the smallest digests: the same in every run."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.values: dict[str, Any] = {}
        self._largest: list[tuple[int, str]] = []

    def wants(self, name: str) -> bool:
        """Whether an image would be kept now; False where it is kept already."""
        if name in self.values:
            return False
        return len(self.values) < self.most or -digest_of(name) > self._largest[0][0]

    def add(self, name: str, value: Any) -> None:
        """Keeps what is wanted, in the place of the one with the largest digest if need be."""
        if not self.wants(name):
            return
        heapq.heappush(self._largest, (-digest_of(name), name))
        self.values[name] = value
        if len(self.values) > self.most:
            del self.values[heapq.heappop(self._largest)[1]]


def digest_of(name: str) -> int:
    """A number that orders names without regard to what they say."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8])


def placed(paths: Iterable[str | None]) -> tuple[str, str, list[str | None]]:
    """Where images lie: the data root, their common folder, and their names below that.

    The folder is written below the root (`TRICKLIFT_ROOT`) where it lies there, so that the images
    are found again where the root has moved to.
    """
    whole = [path and os.path.abspath(path) for path in paths]
    root = os.path.abspath(os.environ.get("TRICKLIFT_ROOT", "data"))
    known = sorted({os.path.dirname(path) for path in whole if path})
    folder = os.path.commonpath(known) if known else ""
    names = [path and os.path.relpath(path, folder) for path in whole]
    inside = folder.startswith(root + os.sep)
    return root, os.path.relpath(folder, root) if inside else folder, names


def find_folder(folder: str, root: str) -> Path:
    """Where the images of `placed` are now: below today's data root if they are there."""
    today = Path(os.environ.get("TRICKLIFT_ROOT", "data")) / folder
    return today if today.is_dir() else Path(root) / folder


def write(work_dir: str | Path, predictions: Predictions) -> Path:
    """Writes the file of a split, whole or not at all; the same data give the same bytes."""
    text = json.dumps({"schema": SCHEMA, **asdict(predictions)}, separators=(",", ":"))
    file = Path(work_dir) / FILES[predictions.split]
    write_bytes(file, gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0))
    return file


def read(work_dir: str | Path) -> Predictions | None:
    """What the last validation of a run left, else what a test did; None without either.

    Raises:
        UserError: The file is damaged, or of another version.
    """
    files = [Path(work_dir) / name for name in FILES.values()]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return None
    remedy = "remove it, or validate the run again ('tricklift test')"
    try:
        with gzip.open(file) as packed:
            text = packed.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UserError(f"{file} unpacks to over {MOST_BYTES:,} bytes; {remedy}")
        held = json.loads(text)
        schema = held.pop("schema", None)
        if schema == SCHEMA:
            found = Predictions(**held)
            if (place := wrong(vars(found))) is None:
                return found
            raise UserError(f"{file} is damaged at {place}; {remedy}")
    except UserError:
        raise
    except _NOT_WHOLE as error:
        raise UserError(f"{file} is no file of predictions ({error}); {remedy}") from error
    raise UserError(f"{file} is of schema {schema}, and this tricklift reads {SCHEMA}; {remedy}")


def named(predictions: Predictions) -> dict[str, Mapping[str, Any]]:
    """The images by their names; those without one are left out."""
    return {image["name"]: image for image in predictions.images if image.get("name")}


def png_text(data: bytes) -> str:
    """A PNG file as JSON holds it."""
    return base64.b64encode(data).decode()


def png_bytes(text: str) -> bytes:
    """The PNG file of `png_text`."""
    return base64.b64decode(text)
