"""Unpacking tar and zip archives whose members stay where they belong.

Stricter than `tarfile`'s data filter: a member that is absolute, climbs out, or is anything but a
plain file or a folder ends the unpacking, before it or anything after it is written. Files are
written with the user's own permissions, whatever the archive says.
"""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from tricklift.errors import UserError

#: Folder that macOS adds to zip archives.
MAC = "__MACOSX/"
#: What an archive may hold: so many times its own bytes, or this many where it is small; and one
#: file for so many of its bytes, beyond the first ones.
MOST_RATIO = 100
SMALL = 256 << 20
BYTES_A_FILE, FIRST_FILES = 200, 1_000
#: Bytes of a list of labels.
MOST_LABELS = 64 << 20
#: Bytes of one name, as file systems have it.
MOST_NAME = 255
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Member:
    """A plain file in an archive.

    Attributes:
        name: Its path, checked: relative, without `..`; of a nested archive below that one's name.
        open: Opens it; to be used before the next member is asked for.
        position: How many bytes of the archive lie before it.
    """

    name: str
    open: Callable[[], IO[bytes]]
    position: int


def members(archive: Path, nested: bool = False) -> Iterator[Member]:
    """The plain files of an archive, in its order.

    Raises:
        UserError: A member that is absolute, leaves the folder, or is a link or a device. Or the
            file is no archive, or broken.
    """
    with _explained(archive):
        if archive.is_dir():
            yield from _of_folder(archive)
        elif archive.suffix == ".zip":
            yield from _of_zip(archive)
        else:
            with archive.open("rb") as raw:
                yield from _of_tar(archive, raw, raw.tell, "", nested)


def unpack(
    archive: Path,
    into: Path,
    target: Callable[[str], str | None],
    nested: bool = False,
    progress: Progress | None = None,
) -> None:
    """Writes the members of an archive below the folder `into`.

    Args:
        archive: A tar archive (compressed or not), a zip archive, or a folder with what one holds.
        into: An existing folder.
        target: Name of a member -> its path below `into`; None if it is left out, ValueError if it
            does not belong there.
        nested: Members are tar archives; their members are written instead.
        progress: Gets bytes done and bytes in all.

    Raises:
        UserError: See `members`; or a target that is not below `into`. Names archive and member.
    """
    size = unpacked_size(archive) if archive.is_dir() else archive.stat().st_size
    folder = into.resolve()
    made: set[Path] = set()
    left = max(SMALL, MOST_RATIO * size)
    for count, member in enumerate(members(archive, nested)):
        if count > FIRST_FILES + size // BYTES_A_FILE:
            raise UserError(f"{archive}: over {count:,} files in {size:,} bytes; not unpacked")
        if member.name.startswith(MAC):
            continue
        try:
            place = target(member.name)
            if place is None:
                continue
            path = (folder / place).resolve()  # links followed
            if folder not in path.parents:
                raise ValueError("leaves the folder of unpacking")
        except ValueError as error:
            raise UserError(
                f"{archive}: member {member.name!r} {error}; "
                "not unpacked: give the published archive"
            ) from None
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        with _explained(archive), member.open() as source, path.open("wb") as file:
            while chunk := source.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise UserError(
                        f"{archive}: its {size:,} bytes unpack to over {MOST_RATIO} times as many; "
                        f"stopped at member {member.name!r}"
                    )
                file.write(chunk)
        if progress and count % 100 == 0:
            progress(member.position, size)


def read_members(archive: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Contents of small members by name.

    Raises:
        UserError: One is not there; or see `members`.
    """
    wanted, found = set(names), {}
    for member in members(archive):
        if member.name in wanted:
            with _explained(archive), member.open() as file:
                found[member.name] = file.read(MOST_LABELS + 1)
            if len(found[member.name]) > MOST_LABELS:
                raise UserError(
                    f"{archive}: {member.name} has over {MOST_LABELS:,} bytes; not read"
                )
    if missing := ", ".join(sorted(wanted - set(found))):
        raise UserError(f"{archive} holds no {missing}; it is not the published archive")
    return found


def unpacked_size(archive: Path) -> int:
    """Bytes that unpacking will take; of compressed tar archives a lower bound."""
    if archive.is_dir():
        return sum(file.stat().st_size for file in archive.rglob("*") if file.is_file())
    with _explained(archive):
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as file:
                return sum(info.file_size for info in file.infolist())
    return archive.stat().st_size


def _of_folder(folder: Path) -> Iterator[Member]:
    position = 0
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = PurePosixPath(folder.name, *file.relative_to(folder).parts)
            opens = cast(Callable[[], IO[bytes]], partial(file.open, "rb"))
            yield Member(str(name), opens, position)
            position += file.stat().st_size


def _of_tar(
    archive: Path, raw: IO[bytes], tell: Callable[[], int], below: str, nested: bool
) -> Iterator[Member]:
    with tarfile.open(fileobj=raw, mode="r:*") as tar:
        for info in tar:
            name = below + _checked(archive, info.name, below + info.name)
            if info.isdir():
                continue
            if not info.isfile():
                raise UserError(f"{archive}: member {name!r} is a link or a device; not unpacked")
            if nested:
                inner = tar.extractfile(info)
                assert inner is not None  # a regular file has contents
                # Looked at again: `...tar` without its suffix is `..`.
                folder = _checked(archive, name.removesuffix(".tar"), name) + "/"
                yield from _of_tar(archive, inner, tell, folder, nested=False)
            else:
                # A regular file has contents: never None.
                opens = cast(Callable[[], IO[bytes]], partial(tar.extractfile, info))
                yield Member(name, opens, tell())
            tar.members.clear()  # type: ignore[attr-defined]  # or a million of them stay in memory


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            name = _checked(archive, info.filename, info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where no Unix made the archive
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise UserError(f"{archive}: member {name!r} is a link or a device; not unpacked")
            if info.flag_bits & 1:
                raise UserError(f"{archive}: member {name!r} is encrypted; not unpacked")
            yield Member(name, partial(file.open, info), info.header_offset)


def _checked(archive: Path, name: str, shown: str) -> str:
    """The name without `.` and doubled slashes, if it stays below the folder of unpacking.

    Raises:
        UserError: It does not; says `shown`, the member's name in full.
    """
    path = PurePosixPath(name)
    windows = "\\" in name or name[1:2] == ":"
    if path.is_absolute() or ".." in path.parts or windows:
        raise UserError(f"{archive}: member {shown!r} leaves the folder of unpacking; not unpacked")
    long = any(len(part.encode("utf-8", "surrogateescape")) > MOST_NAME for part in path.parts)
    if long or not name.isprintable():
        raise UserError(
            f"{archive}: member {shown!r:.60} has a name that no file has; not unpacked"
        )
    return str(path)


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Errors of a broken archive in our words; the system's own (disk full) pass."""
    try:
        yield
    except UserError:
        raise
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        NotImplementedError,
        OverflowError,
        ValueError,
        RuntimeError,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
        raise UserError(f"{archive} cannot be unpacked: {said}; fetch it again") from error
