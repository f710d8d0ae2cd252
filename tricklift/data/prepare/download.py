"""Downloads that resume and end with the published checksum.

A file arrives as `NAME.part`; only when it is whole and its checksum is right is it renamed.
"""

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tricklift.data.prepare.published import Archive
from tricklift.data.prepare.unpack import Progress
from tricklift.errors import DownloadError, UserError

#: Seconds to wait before another try, after each failure in a row that brought nothing.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
TIMEOUT = 30.0
CHUNK = 1 << 20
#: Bytes of a file whose size is not published, at the most.
MOST_BYTES = 4 << 30
#: Answers that may be better next time: request timeout, too many requests, server errors.
PASSING = (408, 425, 429, 500, 502, 503, 504)


class _Interrupted(Exception):
    """The connection broke, or the server asked for patience: try again."""


def download(
    archive: Archive,
    folder: Path,
    progress: Progress | None = None,
    pauses: Sequence[float] = PAUSES,
) -> Path:
    """Brings an archive into `folder`, going on with what an earlier call left; returns its path.

    Args:
        archive: What to fetch; its `url` is not None.
        folder: Made if it is not there.
        progress: Gets bytes done and bytes in all.
        pauses: Seconds before each further try in a row without a byte.

    Raises:
        DownloadError: The server is out of reach, has no such file, or breaks off again and
            again. What has arrived stays for the next call.
        UserError: What the server has, or what arrived, is not the published file; the latter is
            removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{archive.name}.part"
    left = list(pauses)
    reached = False
    while True:
        before = _size(part)
        try:
            _receive(archive, part, progress)
            break
        except urllib.error.URLError as error:
            if not reached:
                raise DownloadError(f"cannot reach {archive.url} ({error.reason})") from None
            problem = str(error)
        except _Interrupted as error:
            reached = True
            problem = str(error)
        if _size(part) > before:
            left = list(pauses)
        if not left:
            raise DownloadError(
                f"download of {archive.url} broke off after {_size(part):,} bytes ({problem}); "
                "rerun the same command to resume"
            )
        time.sleep(left.pop(0))
    try:
        check(archive, part, progress)
    except UserError:
        part.unlink(missing_ok=True)
        raise
    return part.replace(folder / archive.name)


def check(archive: Archive, file: Path, progress: Progress | None = None) -> None:
    """Compares a file with what is published about it.

    Raises:
        UserError: Another size or checksum.
    """
    kind, _, wanted = (archive.checksum or "").partition(":")
    size = file.stat().st_size
    if archive.size not in (None, size):
        problem = f"it has {size:,} bytes, not {archive.size:,}"
    elif kind and (found := digest(file, kind, progress)) != wanted:
        problem = f"its {kind.upper()} is {found}, not {wanted}"
    else:
        return
    again = f"fetch it again from {archive.url}" if archive.url else "fetch it again"
    raise UserError(f"{file} is not the published {archive.name}: {problem}; {again}")


def digest(file: Path, kind: str, progress: Progress | None = None) -> str:
    """Checksum of a file as hexadecimal digits; `kind` as `hashlib` names it."""
    state = hashlib.new(kind, usedforsecurity=False)
    size = file.stat().st_size
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            state.update(chunk)
            if progress:
                progress(stream.tell(), size)
    return state.hexdigest()


def _receive(archive: Archive, part: Path, progress: Progress | None) -> None:
    """One request; returns when all of the file has arrived."""
    start = _size(part)
    if archive.size is not None and start >= archive.size:
        return  # whole, or too long: the checksum tells
    assert archive.url is not None
    request = urllib.request.Request(archive.url, headers={"User-Agent": "tricklift"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        _refused(archive, error, part, start)
        return
    except urllib.error.URLError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(str(error) or type(error).__name__) from None
    with response:
        sent = response.headers.get("Content-Range", "")
        if response.status != 206:
            start = 0  # the server sends all of it
        elif not sent.startswith(f"bytes {start}-"):
            part.unlink(missing_ok=True)
            raise _Interrupted("the server sent another range than asked for")
        # A server may send less than the rest that was asked for: then Content-Range alone tells.
        whole, length = sent.rpartition("/")[2], response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdecimal() else archive.size
        if response.status == 206 and whole.isdecimal():
            total = int(whole)
        if archive.size not in (None, total):  # a login page, or another version
            raise UserError(
                f"{archive.url} is not the published {archive.name}: the server has {total:,} "
                f"bytes, not {archive.size:,}; fetch the file elsewhere, and give its folder with "
                "--from"
            )
        _copy(response, part, start, total, progress)


def _refused(archive: Archive, error: urllib.error.HTTPError, part: Path, start: int) -> None:
    """Returns where the answer means that all has arrived; raises otherwise."""
    if error.code == 416 and start:  # nothing behind what we have
        if error.headers.get("Content-Range", "").endswith(f"/{start}"):
            return
        part.unlink(missing_ok=True)
        raise _Interrupted("the file on the server is shorter than what had arrived") from None
    answer = f"the server answers {error.code} {error.reason}"
    if error.code in PASSING:
        raise _Interrupted(answer) from None
    raise DownloadError(f"cannot download {archive.url}: {answer}") from None


def _copy(
    response: http.client.HTTPResponse,
    part: Path,
    done: int,
    total: int | None,
    progress: Progress | None,
) -> None:
    """Writes what is sent behind the first `done` bytes."""
    with part.open("r+b" if done else "wb") as file:
        file.seek(done)
        while True:
            try:
                chunk = response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Interrupted(str(error) or type(error).__name__) from None
            if not chunk:
                break
            done += file.write(chunk)  # a full disk is an error of its own
            if done > (total or MOST_BYTES):
                part.unlink(missing_ok=True)
                raise DownloadError(f"the server sends more than {total or MOST_BYTES:,} bytes")
            if progress:
                progress(done, total or done)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise _Interrupted(f"the server closed the connection at {done:,} of {total:,} bytes")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
