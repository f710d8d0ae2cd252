"""Unpacking data: whole or not at all, and never out of its folder."""

import io
import tarfile
from pathlib import Path

import pytest

from tricklift import prepare

CONTENTS = {"train": 3, "val": 2}


@pytest.fixture
def tiny(monkeypatch, tmp_path) -> Path:
    """A known data set of five files; returns the folder of archives."""
    monkeypatch.setitem(prepare.ARCHIVES, "bccd", prepare.Archive(CONTENTS, "test"))
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "archives"))
    (tmp_path / "archives").mkdir()
    return tmp_path / "archives"


def write_archive(path: Path, members: list[tarfile.TarInfo]) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            member.size = 1 if member.isfile() else 0
            tar.addfile(member, io.BytesIO(b"x") if member.isfile() else None)


def files(counts: dict[str, int], top: str = "bccd") -> list[tarfile.TarInfo]:
    return [tarfile.TarInfo(f"{top}/{part}/{i}") for part, n in counts.items() for i in range(n)]


def test_unpacks_counts_and_knows_what_is_there(tiny, tmp_path):
    write_archive(tiny / "bccd.tar.gz", files(CONTENTS))
    root = tmp_path / "root"
    place = prepare.prepare("bccd", root)
    assert place == root / "bccd"
    assert (place / "train" / "2").read_bytes() == b"x"
    assert prepare.missing("bccd", root) is None
    (tiny / "bccd.tar.gz").unlink()
    assert prepare.prepare("bccd", root) == place  # there already: no archive needed
    assert [path.name for path in root.iterdir()] == ["bccd"]


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "bccd/../../evil", "other/evil", "bccd2/evil"]
)
def test_a_member_that_leaves_the_folder_is_refused(tiny, tmp_path, name):
    write_archive(tiny / "bccd.tar.gz", [*files(CONTENTS), tarfile.TarInfo(name)])
    with pytest.raises(ValueError, match=r"member '.*evil' leaves the folder 'bccd'"):
        prepare.prepare("bccd", tmp_path / "root")
    assert not list(tmp_path.rglob("evil"))
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_a_link_or_a_device_is_refused(tiny, tmp_path, kind):
    link = tarfile.TarInfo("bccd/link")
    link.type, link.linkname = kind, "/etc/passwd"
    write_archive(tiny / "bccd.tar.gz", [link, *files(CONTENTS)])
    with pytest.raises(ValueError, match=r"member 'bccd/link' is a link or a device"):
        prepare.prepare("bccd", tmp_path / "root")
    assert not list((tmp_path / "root").iterdir())


def test_an_archive_with_files_missing_leaves_nothing(tiny, tmp_path):
    write_archive(tiny / "bccd.tar.gz", files({"train": 3, "val": 1}))
    with pytest.raises(ValueError, match=r"val holds 1 files, not 2; fetch the archive again"):
        prepare.prepare("bccd", tmp_path / "root")
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize("cut", [0, 40, -30])
def test_a_broken_archive_leaves_nothing(tiny, tmp_path, cut):
    archive = tiny / "bccd.tar.gz"
    write_archive(archive, files(CONTENTS))
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"bccd\.tar\.gz"):
        prepare.prepare("bccd", tmp_path / "root")
    assert not list((tmp_path / "root").iterdir())


def test_a_folder_that_is_not_whole_is_named(tiny, tmp_path):
    (tmp_path / "root" / "bccd" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"train holds 0 files, not 3; remove .*bccd and prepare"):
        prepare.prepare("bccd", tmp_path / "root")


def test_no_archive_says_where_it_looked(tiny, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"archives/bccd\.tar\.gz; set TRICKLIFT_DATA"):
        prepare.prepare("bccd", tmp_path)


def test_unknown_name_with_the_closest(tmp_path):
    with pytest.raises(
        ValueError, match=r"unknown data set 'cifar'; known: .*did you mean 'cifar10'"
    ):
        prepare.prepare("cifar", tmp_path)


def test_the_real_archives_unpack(shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_DATA", str(shared_data))
    for name in ("bccd", "camvid"):
        prepare.prepare(name, tmp_path)
        assert prepare.missing(name, tmp_path) is None
    assert (tmp_path / "bccd" / "ImageSets" / "Main" / "test.txt").is_file()
