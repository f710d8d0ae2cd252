"""Archives and servers that write elsewhere, write other things than files, or never end."""

import io
import stat
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cases_checkpoints import TOUCH
from fuzz_checkpoints import zipped

from hostile import case
from pickles import Call, Global, pickled

#: Sets that come as an archive of no published checksum.
TAR, ZIP = "tiny-imagenet-100.tar.gz", "groceries-object-detection-dataset-master.zip"
TAR_SET, ZIP_SET = "tiny-imagenet", "groceries"
TOP = "tiny-imagenet-100/train/n01443537"


def prepare(name: str) -> list[str]:
    return ["prepare", name, "--root", "data", "--from", "."]


def tar(folder: Path, *members: tarfile.TarInfo, data: bytes = b"") -> list[str]:
    with tarfile.open(folder / TAR, "w:gz") as archive:
        for info in members:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return prepare(TAR_SET)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def zipped_names(folder: Path, *names: str, mode: int = stat.S_IFREG | 0o644) -> list[str]:
    with zipfile.ZipFile(folder / ZIP, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"/etc/passwd")
    return prepare(ZIP_SET)


@case(says="leaves the folder")
def tar_absolute(folder):
    """a tar with an absolute path"""
    return tar(folder, entry(str(folder.parent / "outside" / "kept.txt")), data=b"x")


@case(says="leaves the folder")
def tar_climbing(folder):
    """a tar with a path that climbs out"""
    return tar(folder, entry("../../../outside/kept.txt"), data=b"x")


@case(says="link or a device")
def tar_symlink(folder):
    """a tar with a symbolic link out of the folder, and a file behind it"""
    out = str(folder.parent / "outside")
    return tar(
        folder, entry(f"{TOP}/images", tarfile.SYMTYPE, out), entry(f"{TOP}/images/kept.txt")
    )


@case(says="link or a device")
def tar_hardlink(folder):
    """a tar with a hard link out of the folder"""
    target = str(folder.parent / "outside" / "kept.txt")
    return tar(folder, entry(f"{TOP}/images/a.JPEG", tarfile.LNKTYPE, target))


@case(says="link or a device")
def tar_device(folder):
    """a tar with a device"""
    return tar(folder, entry(f"{TOP}/images/a.JPEG", tarfile.CHRTYPE))


@case(says="link or a device")
def tar_fifo(folder):
    """a tar with a named pipe"""
    return tar(folder, entry(f"{TOP}/images/a.JPEG", tarfile.FIFOTYPE))


@case()
def tar_setuid(folder):
    """a tar with a file that is setuid and one that all may write"""
    return tar(folder, entry(f"{TOP}/images/a.JPEG", mode=0o6777), data=b"#!/bin/sh\n")


@case(says="a name that no file has")
def tar_long_name(folder):
    """a tar with a name of 10,000 letters"""
    return tar(folder, entry(f"{TOP}/images/{'a' * 10_000}.JPEG"), data=b"x")


@case(says="a name that no file has")
def tar_steering_name(folder):
    """a tar with terminal escapes in a name"""
    return tar(folder, entry(f"{TOP}/images/\x1b[2J\x1b]0;owned\x07.JPEG"), data=b"x")


@case()
def tar_case_collision(folder):
    """a tar with names that differ in their case alone"""
    return tar(folder, entry(f"{TOP}/images/a.JPEG"), entry(f"{TOP}/images/A.jpeg"), data=b"x")


@case(says="times as many")
def tar_bomb(folder):
    """a tar bomb: one file of 1 GiB in 1 MB"""
    info = entry(f"{TOP}/images/a.JPEG")
    info.size = 1 << 30
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    with (folder / TAR).open("wb") as file:
        file.write(pack.compress(info.tobuf()))
        for _ in range(1024):
            file.write(pack.compress(bytes(1 << 20)))
        file.write(pack.flush())
    return prepare(TAR_SET)


@case(says="files in")
def tar_of_many(folder):
    """a tar of 100,000 empty files in 1 MB"""
    block = b"".join(entry(f"{TOP}/images/{n}.JPEG").tobuf() for n in range(1000))
    pack = zlib.compressobj(1, zlib.DEFLATED, 31)
    data = b"".join(pack.compress(block) for _ in range(100)) + pack.flush()
    (folder / TAR).write_bytes(data)
    return prepare(TAR_SET)


@case()
def tar_that_lies(folder):
    """a tar whose file says to have 8 EiB"""
    info = entry(f"{TOP}/images/a.JPEG")
    info.size = (1 << 63) - 1
    with (folder / TAR).open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    return prepare(TAR_SET)


@case()
def tar_sparse(folder):
    """a sparse tar: a hole of 8 GiB in a file of 512 bytes"""
    sparse = tarfile.TarInfo(f"{TOP}/images/a.JPEG")
    sparse.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(8 << 30),
        "GNU.sparse.map": f"{(8 << 30) - 512},512",
    }
    sparse.size = 512
    with tarfile.open(folder / TAR, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(sparse, io.BytesIO(bytes(512)))
    return prepare(TAR_SET)


@case(says="leaves the folder")
def zip_climbing(folder):
    """a zip with a path that climbs out"""
    return zipped_names(folder, "../../../outside/kept.txt")


@case(says="leaves the folder")
def zip_absolute(folder):
    """a zip with an absolute path"""
    return zipped_names(folder, str(folder.parent / "outside" / "kept.txt"))


@case(says="leaves the folder")
def zip_windows(folder):
    """a zip with a path of Windows"""
    return zipped_names(folder, "C:\\Windows\\System32\\evil.dll")


@case(says="link or a device")
def zip_symlink(folder):
    """a zip with a symbolic link"""
    return zipped_names(folder, "master/images", mode=stat.S_IFLNK | 0o777)


@case()
def zip_bomb(folder):
    """a zip bomb: 1,000 files of 1 GiB each that share 1 MB"""
    with zipfile.ZipFile(folder / ZIP, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("master/images/0.png", "w", force_zip64=True) as part:
            for _ in range(1024):
                part.write(bytes(1 << 20))
        first = archive.infolist()[0]
        for number in range(1, 1000):
            archive.filelist.append(copied(first, f"master/images/{number}.png"))
    return prepare(ZIP_SET)


def copied(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    more = zipfile.ZipInfo(name)
    for key in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
        setattr(more, key, getattr(info, key))
    return more


@case(says="cannot be unpacked")
def no_archive(folder):
    """a zip that is HTML"""
    (folder / ZIP).write_text("<html>log in first</html>")
    return prepare(ZIP_SET)


# --- servers -------------------------------------------------------------------------------------
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
    """An address on loopback whose every answer is written by a function."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with suppress(OSError):  # the client has hung up
                answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/a.zip"


def sends(handler: BaseHTTPRequestHandler, *headers: tuple[str, str], code: int = 200) -> None:
    handler.send_response(code)
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()


@case(says="more than")
def server_endless(folder):
    """a server whose answer has no end"""

    def answer(handler):
        sends(handler)
        while True:
            handler.wfile.write(bytes(1 << 16))

    return ["@address", serving(answer), "1000000"]


@case(says="broke off")
def server_lies_longer(folder):
    """a server that sends less than it says"""

    def answer(handler):
        sends(handler, ("Content-Length", "1000000"))
        handler.wfile.write(b"short")

    return ["@address", serving(answer)]


@case(says="not the published")
def server_lies_other(folder):
    """a server that says another length than is published"""

    def answer(handler):
        sends(handler, ("Content-Length", str(1 << 62)))

    return ["@address", serving(answer), "1000000"]


@case(says="cannot download")
def server_redirects_to_file(folder):
    """a server that redirects to a file of this machine"""

    def answer(handler):
        sends(handler, ("Location", "file:///etc/passwd"), code=302)

    return ["@address", serving(answer)]


@case(says="cannot download")
def server_redirects_in_circles(folder):
    """a server that redirects to itself"""

    def answer(handler):
        sends(handler, ("Location", "/a.zip"), code=302)

    return ["@address", serving(answer)]


@case()
def server_of_odd_headers(folder):
    """a server with lengths and ranges that are no numbers"""

    def answer(handler):
        sends(handler, ("Content-Length", "many"), ("Content-Range", "bytes x-y/z"), code=206)

    return ["@address", serving(answer)]


@case()
def server_of_steering_words(folder):
    """a server whose error has terminal escapes"""

    def answer(handler):
        handler.send_response(404, "\x1b[2J\x1b]0;owned\x07")
        handler.end_headers()

    return ["@address", serving(answer)]


@case(says="refused to load")
def server_of_code(folder):
    """weights at an address that call os.system"""
    data = zipped(pickled(Call(Global("os", "system"), (TOUCH,))), {})

    def answer(handler):
        sends(handler, ("Content-Length", str(len(data))))
        handler.wfile.write(data)

    return ["@checkpoint_at", serving(answer).replace("a.zip", "w.pth")]
