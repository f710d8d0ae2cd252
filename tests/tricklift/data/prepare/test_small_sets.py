"""The small sets: archives of our own, unpacked whole or not at all."""

import io
import os
import tarfile
from pathlib import Path

import pytest
import sample_checksums

from tricklift.data import prepare
from tricklift.data.prepare import checksums


def write_bccd(folder: Path, names: list[str]) -> Path:
    with tarfile.open(folder / "bccd.tar.gz", "w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    return folder / "bccd.tar.gz"


FIVE = [*(f"bccd/train/{i}" for i in range(3)), *(f"bccd/val/{i}" for i in range(2))]


def test_a_small_set_comes_from_the_data_folder(bccd, tmp_path):
    archive = write_bccd(bccd, FIVE)
    place = prepare.prepare("bccd", tmp_path / "root")
    assert place == tmp_path / "root" / "bccd"
    assert (place / "train" / "2").read_bytes() == b"x"
    assert prepare.missing("bccd", tmp_path / "root") is None
    archive.unlink()
    assert prepare.prepare("bccd", tmp_path / "root") == place  # there already
    assert sorted(os.listdir(tmp_path / "root")) == [".tricklift", "bccd"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "bccd/../../evil", "other/evil", "bccd"])
def test_a_member_out_of_the_folder_is_refused(bccd, tmp_path, name):
    write_bccd(bccd, [*FIVE, name])
    with pytest.raises(ValueError, match=rf"bccd\.tar\.gz: member '{name}' leaves the folder"):
        prepare.prepare("bccd", tmp_path / "root")
    assert os.listdir(tmp_path / "root") == [".tricklift"]
    assert not list(tmp_path.rglob("evil"))


def test_an_archive_with_files_missing_leaves_nothing(bccd, tmp_path):
    write_bccd(bccd, FIVE[:-1])
    with pytest.raises(ValueError, match=r"bccd\.tar\.gz: bccd/val holds 1 files, not 2; fetch it"):
        prepare.prepare("bccd", tmp_path / "root")
    assert os.listdir(tmp_path / "root") == [".tricklift"]


@pytest.mark.parametrize("cut", [0, 40, -30])
def test_a_broken_archive_leaves_nothing(bccd, tmp_path, cut):
    archive = write_bccd(bccd, FIVE)
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"bccd\.tar\.gz"):
        prepare.prepare("bccd", tmp_path / "root")
    assert os.listdir(tmp_path / "root") == [".tricklift"]


def test_no_archive_says_where_it_looked(bccd, tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"no archive bccd\.tar\.gz in .*/archives or .*; fetch the data from https://github.com/Shenggan/.*"
        r"\(terms: MIT\), bring them into the layout bccd/{JPEGImages,.* as --from",
    ):
        prepare.prepare("bccd", tmp_path)


def test_no_folder_is_looked_at_that_nobody_named(bccd, tmp_path, monkeypatch):
    monkeypatch.delenv("TRICKLIFT_DATA")
    place = tmp_path / "shared/data"
    place.mkdir(parents=True)
    write_bccd(place, FIVE)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(FileNotFoundError, match=r"or TRICKLIFT_DATA \(not set\); fetch the data"):
        prepare.prepare("bccd", "root")


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
        assert sample_checksums.sample(name, tmp_path) == checksums.known(name)
    assert (tmp_path / "bccd" / "ImageSets" / "Main" / "test.txt").is_file()
