"""Unpacking: nothing is written out of its folder, and a broken archive is called that."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tricklift.data.prepare.unpack import members, read_members, unpack, unpacked_size

EVIL = ["../evil", "/evil", "a/../../evil", "C:/evil", "a\\..\\evil"]


def write_tar(path: Path, *infos: tarfile.TarInfo, contents: bytes = b"x") -> Path:
    with tarfile.open(path, "w") as tar:
        for info in infos:
            info.size = len(contents) if info.isfile() else 0
            tar.addfile(info, io.BytesIO(contents) if info.isfile() else None)
    return path


def write_zip(path: Path, *infos: zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for info in infos:
            file.writestr(info, b"x")
    return path


def all_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def out(tmp_path) -> Path:
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path / "a" / "b"


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_plain_files_and_folders_are_written_where_the_target_says(tmp_path, out, kind):
    names = ["top/", "top/1.txt", "./top/sub/2.txt", "__MACOSX/._1.txt"]
    if kind == "tar":
        infos = [tarfile.TarInfo(name) for name in names]
        infos[0].type = tarfile.DIRTYPE
        infos[1].mode = 0o4777  # permissions of the archive do not count
        archive = write_tar(tmp_path / "x.tar", *infos)
    else:
        archive = write_zip(tmp_path / "x.zip", *(zipfile.ZipInfo(name) for name in names))
    seen: list[int] = []
    unpack(archive, out, lambda name: f"new/{name}", progress=lambda _, total: seen.append(total))
    assert all_below(out) == ["new/top/1.txt", "new/top/sub/2.txt"]
    assert not (out / "new/top/1.txt").stat().st_mode & stat.S_ISUID
    assert seen[0] == archive.stat().st_size


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("kind", ["tar", "zip", "nested", "name of nested"])
def test_a_member_that_leaves_the_folder_is_refused(tmp_path, out, kind, name):
    if kind == "tar":
        archive = write_tar(tmp_path / "x.tar", tarfile.TarInfo("good"), tarfile.TarInfo(name))
    elif kind == "zip":
        archive = write_zip(tmp_path / "x.zip", zipfile.ZipInfo("good"), zipfile.ZipInfo(name))
    elif kind == "nested":
        inner = write_tar(tmp_path / "c.tar", tarfile.TarInfo("good"), tarfile.TarInfo(name))
        archive = tmp_path / "x.tar"
        write_tar(archive, tarfile.TarInfo("c.tar"), contents=inner.read_bytes())
    else:
        inner = write_tar(tmp_path / "c.tar", tarfile.TarInfo("evil"))
        archive = tmp_path / "x.tar"
        write_tar(archive, tarfile.TarInfo(f"{name}.tar"), contents=inner.read_bytes())
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"x\.(tar|zip): member '.*evil(\.tar)?' leaves the fold"):
        unpack(archive, out, str, nested="nested" in kind)
    assert {path.name for path in set(tmp_path.rglob("*")) - before} <= {"good", "c"}
    assert not Path("/evil").exists()


@pytest.mark.parametrize("name", ["...tar", "a/...tar", "a/../...tar", "./...tar"])
def test_a_nested_archive_whose_folder_would_be_the_one_above_is_refused(tmp_path, out, name):
    inner = write_tar(tmp_path / "c.tar", tarfile.TarInfo("..evil"))
    archive = tmp_path / "x.tar"
    write_tar(archive, tarfile.TarInfo(name), contents=inner.read_bytes())
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"x\.tar: member '.*\.\.\.tar' leaves the fol"):
        list(members(archive, nested=True))
    with pytest.raises(ValueError, match=r"x\.tar: member '.*\.\.\.tar' leaves the fol"):
        unpack(archive, out, str, nested=True)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["tar", "zip", "nested"])
@pytest.mark.parametrize("place", ["../evil", "{}/evil", "a/../../evil", "a/..", "", "link/evil"])
def test_no_target_leads_out_of_the_folder(tmp_path, out, kind, place):
    """Whatever a layout answers: the last look is where the file is written."""
    (out / "link").symlink_to(tmp_path)
    if kind == "zip":
        archive = write_zip(tmp_path / "x.zip", zipfile.ZipInfo("odd"))
    else:
        archive = write_tar(tmp_path / "x.tar", tarfile.TarInfo("odd"))
    if kind == "nested":
        inner = archive.read_bytes()
        write_tar(archive, tarfile.TarInfo("c.tar"), contents=inner)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"x\.(tar|zip): member '(c/)?odd' leaves the folder of"):
        unpack(archive, out, lambda name: place.format(tmp_path), nested=kind == "nested")
    assert set(tmp_path.rglob("*")) == before


def test_a_folder_that_is_reached_through_a_link_is_a_folder(tmp_path, out):
    (tmp_path / "link").symlink_to(out)
    archive = write_tar(tmp_path / "x.tar", tarfile.TarInfo("1.txt"))
    unpack(archive, tmp_path / "link", str)
    assert all_below(out) == ["1.txt"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_a_link_or_a_device_in_a_tar_is_refused(tmp_path, out, kind):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, "/etc/passwd"
    archive = write_tar(tmp_path / "x.tar", link, tarfile.TarInfo("link/file"))
    with pytest.raises(ValueError, match=r"x\.tar: member 'link' is a link or a device"):
        unpack(archive, out, str)
    assert not list(out.iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_a_link_or_a_device_in_a_zip_is_refused(tmp_path, out, kind):
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    with pytest.raises(ValueError, match=r"x\.zip: member 'link' is a link or a device"):
        unpack(write_zip(tmp_path / "x.zip", link), out, str)
    assert not list(out.iterdir())


def test_a_member_that_the_target_refuses_is_named(tmp_path, out):
    def target(name: str) -> str:
        raise ValueError("has no label")

    archive = write_tar(tmp_path / "x.tar", tarfile.TarInfo("odd"))
    with pytest.raises(ValueError, match=r"x\.tar: member 'odd' has no label; not unpacked"):
        unpack(archive, out, target)


def test_members_of_nested_archives_lie_below_its_name(tmp_path):
    inner = write_tar(tmp_path / "c.tar", tarfile.TarInfo("1.txt"), tarfile.TarInfo("2.txt"))
    archive = tmp_path / "x.tar"
    write_tar(archive, tarfile.TarInfo("n01.tar"), contents=inner.read_bytes())
    assert [member.name for member in members(archive, nested=True)] == ["n01/1.txt", "n01/2.txt"]


@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
@pytest.mark.parametrize("damage", ["empty", "cut", "other", "flipped"])
def test_a_broken_archive_is_called_that(tmp_path, out, name, damage):
    archive = tmp_path / name
    infos = [f"{i}.txt" for i in range(3)]
    if name == "x.tar":
        write_tar(archive, *(tarfile.TarInfo(n) for n in infos), contents=b"x" * 2000)
    else:
        write_zip(archive, *(zipfile.ZipInfo(n) for n in infos))
    data = bytearray(archive.read_bytes())
    if damage == "flipped":
        data[data.index(b"x" if name == "x.zip" else b"ustar")] ^= 1
    harmed = {"empty": b"", "cut": data[: len(data) // 5], "other": b"<html>" * 200}
    archive.write_bytes(harmed.get(damage, data))
    with pytest.raises(ValueError, match=rf"{name} cannot be unpacked: .*; fetch it again"):
        unpack(archive, out, str)


def test_small_members_are_read_or_missed_by_name(tmp_path):
    archive = write_tar(tmp_path / "x.tar", tarfile.TarInfo("./1.txt"), tarfile.TarInfo("2.txt"))
    assert read_members(archive, ["1.txt"]) == {"1.txt": b"x"}
    with pytest.raises(ValueError, match=r"x\.tar holds no 3\.txt; it is not the published"):
        read_members(archive, ["1.txt", "3.txt"])


def test_the_size_of_what_is_in_an_archive(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(100_000))
    assert (unpacked_size(path), path.stat().st_size < 1000) == (100_000, True)
