"""What the readers of data share: which files of a folder count, and what a list of names says."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tricklift.data.checks import require
from tricklift.errors import MissingFileError, UserError

#: What OpenCV and Pillow both read, whatever the case of the letters.
PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
#: Files and folders that systems and tools leave among pictures; so does all that starts with ".".
SYSTEM = (
    *("__MACOSX", "@eaDir", "#recycle", "@Recycle", "Thumbs.db", "ehthumbs.db", "desktop.ini"),
    *("$RECYCLE.BIN", "System Volume Information", "lost+found", "__pycache__"),
)
_SYSTEM = frozenset(name.lower() for name in SYSTEM)
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass
class Repairs:
    """What was mended or left out while reading; said once a data set, never silently.

    Attributes:
        counts: How often each repair was made.
        first: Where it was made first.
    """

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, where: str) -> None:
        """Count one repair."""
        self.counts[what] += 1
        self.first.setdefault(what, where)

    def lines(self) -> list[str]:
        """One line a kind of repair."""
        return [f"{n} x {what} (first: {self.first[what]})" for what, n in self.counts.items()]

    def __str__(self) -> str:
        return "; ".join(self.lines())


def is_system(name: str) -> bool:
    """Whether a file or folder is none of the user's data: hidden, or a system's own."""
    return name.startswith(".") or name.lower() in _SYSTEM


def is_picture(name: str) -> bool:
    """Whether a name ends as a picture that the readers decode."""
    return name.lower().endswith(PICTURES)


def pictures_below(
    folder: str | Path, repairs: Repairs | None = None, suffix: str | None = None
) -> Iterator[str]:
    """Pictures at any depth, sorted within each folder, as paths relative to `folder`.

    Args:
        folder: Where to look. Links are followed, but never into a folder that is above.
        repairs: Counts what is left out: other files, and folders of systems.
        suffix: Takes the files that end so instead, pictures or not, whatever the case of letters.
    """
    yield from _walk(Path(folder), "", (os.path.realpath(folder),), repairs, suffix)


def _walk(
    root: Path, below: str, above: tuple[str, ...], repairs: Repairs | None, suffix: str | None
) -> Iterator[str]:
    folders = []
    for entry in sorted(os.scandir(root / below), key=lambda entry: entry.name):
        path = f"{below}{entry.name}"
        if is_system(entry.name):
            if repairs is not None and (is_folder(entry) or is_picture(entry.name)):
                repairs.note("hidden or system file or folder left out", str(root / path))
        elif is_folder(entry):
            real = os.path.realpath(entry.path)
            if real not in above:  # a link to a folder above would have no end
                folders.append((f"{path}/", (*above, real)))
        elif _ends(entry.name, suffix):
            yield path
        elif repairs is not None:
            repairs.note("file left out that is no picture by its suffix", str(root / path))
    for inner, outer in folders:
        yield from _walk(root, inner, outer, repairs, suffix)


def _ends(name: str, suffix: str | None) -> bool:
    return is_picture(name) if suffix is None else name.lower().endswith(suffix.lower())


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def folders_in(root: str | Path, repairs: Repairs | None = None) -> list[str]:
    """Names of the folders of data in another one, sorted.

    Args:
        root: The folder.
        repairs: Counts what is left out: folders of systems, and links to the folder itself or one
            above.
    """
    own = Path(os.path.realpath(root))
    names = []
    for entry in os.scandir(root):
        if not is_folder(entry):
            continue
        what = "hidden or system file or folder left out" if is_system(entry.name) else ""
        if not what and Path(os.path.realpath(entry.path)) in (own, *own.parents):
            what = "link to a folder above left out"
        if not what:
            names.append(entry.name)
        elif repairs is not None:
            repairs.note(what, entry.path)
    return sorted(names)


def left_beside(root: str | Path, repairs: Repairs) -> None:
    """Counts what a folder of class folders holds beside them: system's folders, loose pictures."""
    folders_in(root, repairs)
    for entry in os.scandir(root):
        if is_picture(entry.name) and not (is_system(entry.name) or is_folder(entry)):
            repairs.note("picture left out that is in no class folder", entry.path)


class Pictures:
    """The pictures of a folder, found by their names without suffix.

    Args:
        folder: Looked through at any depth when the first name is asked for.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._by_stem: dict[str, list[str]] | None = None

    def find(self, name: str, hint: str = "") -> Path | None:
        """The picture that a list's line or an annotation means, or None.

        Args:
            name: With or without its suffix, relative to the folder.
            hint: What an annotation calls its file: decides between several, or where `name`
                finds none.

        Raises:
            UserError: Several pictures have that name, and nothing says which one is meant.
        """
        by_stem = self._listed()
        if is_picture(name) and name in by_stem.get(stem(name), ()):
            return self.folder / name
        found = by_stem.get(name, [])
        hint = hint.replace("\\", "/").rpartition("/")[2]
        beside = f"{name.rpartition('/')[0]}/{hint}".lstrip("/")
        if len(found) == 1:
            return self.folder / found[0]
        if hint and beside in (found or by_stem.get(stem(beside), [])):
            return self.folder / beside
        if found:
            raise UserError(
                f"{self.folder / name}: which of {', '.join(sorted(found))} is meant? remove the "
                "others, or write the suffix into the list"
            )
        return None

    def _listed(self) -> dict[str, list[str]]:
        if self._by_stem is None:
            self._by_stem = by_stem(pictures_below(self.folder) if self.folder.is_dir() else ())
        return self._by_stem


def stem(name: str) -> str:
    """A relative path without its last suffix; other dots belong to the name."""
    return os.path.splitext(name)[0]


def by_stem(names: Iterable[str]) -> dict[str, list[str]]:
    """Relative paths by what they are without their suffix."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(stem(name), []).append(name)
    return found


def read_text(path: str | Path) -> str:
    """A text file in UTF-8 or, with a byte order mark, UTF-16; the mark is left out.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is in another encoding.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file; add it, or correct the path")
    data = path.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not in {encoding} ({error}); save it as UTF-8") from error


def read_list(path: str | Path, prepare: str, repairs: Repairs) -> list[str]:
    """Image names of a list with one name a line, in its order; spaces belong to a name.

    Args:
        path: The file; see `read_text`.
        prepare: See `tricklift.data.checks.require`.
        repairs: Counts names that stand there twice; they are read once.

    Raises:
        MissingFileError: The list is missing.
        UserError: It is empty, in another encoding, has lines that can be no names, or lists one
            class's presence (``000005 -1``).
    """
    file = require(path, "list of images", prepare)
    lines = [line.strip() for line in read_text(file).splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise UserError(f"{file} lists no image; write one image name a line, without suffix")
    words = [line.split() for line in lines]
    flags = {line[-1] for line in words}
    if "-1" in flags <= {"-1", "0", "1"} and all(line[1:] for line in words):
        raise UserError(
            f"{file} has a name and a number in each line, so it is the list of one class; use "
            "trainval.txt, train.txt, val.txt or test.txt"
        )
    for line in lines:
        refuse_odd(line, file)
    names = list(dict.fromkeys(lines))
    for name, times in Counter(lines).items() if len(names) < len(lines) else ():
        for _ in range(times - 1):
            repairs.note("name listed twice, read once", f"{file.name}: {name}")
    return names


def read_below(path: str | Path, prepare: str, repairs: Repairs) -> list[str]:
    """`read_list` of names below the folder of the data; the same errors.

    Raises:
        UserError: A name is absolute or climbs out.
    """
    names = read_list(path, prepare, repairs)
    for name in names:
        refuse_elsewhere(name, Path(path))
    return names


def refuse_elsewhere(name: str, file: Path) -> None:
    """Refuses a name that is none below the folder of the data.

    Raises:
        UserError: It is absolute, climbs out, or has control characters.
    """
    refuse_odd(name, file)
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        raise UserError(
            f"{file}: {name!r} leaves the folder of the data; write names below it, without '..'"
        )


def refuse_odd(name: str, file: Path) -> None:
    """Refuses what can be no name.

    Raises:
        UserError: It is endless or has control characters.
    """
    if len(name) > 4096:
        raise UserError(f"{file}: a name of {len(name):,} letters; is it a list of names?")
    if any(unicodedata.category(letter) == "Cc" and letter != "\t" for letter in name):
        raise UserError(f"{file}: {name!r} has control characters; is it a list of names?")


def shown(names: Sequence[str], most: int = 5) -> str:
    """Some names for a message, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
