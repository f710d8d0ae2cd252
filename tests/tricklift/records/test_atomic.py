"""Files that appear whole or not at all."""

import os
from pathlib import Path

import pytest

from tricklift.errors import UserError
from tricklift.records import atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_text_and_bytes_and_makes_folders(tmp_path):
    atomic.write_text(tmp_path / "a/b/note.txt", "größer\n")
    atomic.write_bytes(str(tmp_path / "a/data.bin"), b"\x00\r\n")
    assert (tmp_path / "a/b/note.txt").read_bytes() == "größer\n".encode()
    assert (tmp_path / "a/data.bin").read_bytes() == b"\x00\r\n"
    assert names(tmp_path / "a") == ["b", "data.bin"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "result.json"
    atomic.write_text(target, "old")

    def fail() -> None:
        with atomic.replacing(target) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("died while writing")

    with pytest.raises(RuntimeError, match="died while writing"):
        fail()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["result.json"]


def test_the_target_is_untouched_until_the_end(tmp_path):
    target = tmp_path / "weights.pth"
    with atomic.replacing(target) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".pth"
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new" and not temporary.exists()


def test_permissions(tmp_path):
    """A new file gets what the umask gives, an old one keeps its own."""
    plain = tmp_path / "plain"
    plain.touch()
    atomic.write_text(tmp_path / "new", "x")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    os.chmod(plain, 0o640)
    atomic.write_text(plain, "y")
    assert plain.stat().st_mode & 0o777 == 0o640


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="it is a folder; name a file in it"):
        atomic.write_text(tmp_path, "x")
    assert names(tmp_path) == []


def test_a_deleted_temporary_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic.replacing(tmp_path / "x") as temporary:
        temporary.unlink()


def test_a_file_that_holds_no_json_object_reads_as_empty(tmp_path):
    file = tmp_path / "result.json"
    assert atomic.read_json(file) == {}
    for text in ("{", "[1]", "null"):
        file.write_text(text)
        assert atomic.read_json(file) == {}
    file.write_bytes(b"\xff")
    assert atomic.read_json(file) == {}
    file.write_text('{"status": "done"}')
    assert atomic.read_json(file) == {"status": "done"}
