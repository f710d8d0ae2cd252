"""The array index of a folder-per-class set, and its cache file."""

import os
from pathlib import Path

import pytest

from cls.index import FolderIndex, cache_file, folder_fingerprint, recall, store

FILES = {"cat": ["a.jpg", "ü b.jpg"], "dog": ["c.png"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, files in FILES.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).touch()
    return tmp_path


def test_paths_and_labels(tree):
    index = FolderIndex.of(str(tree), FILES)
    paths = [image["img_path"] for image in index]
    assert paths == [f"{tree}/cat/a.jpg", f"{tree}/cat/ü b.jpg", f"{tree}/dog/c.png"]
    assert [image["gt_label"] for image in index] == [0, 0, 1]
    assert all(Path(path).is_file() for path in paths)
    assert index[-1] == index[2] and index[1:] == [index[1], index[2]]
    with pytest.raises(IndexError):
        index[3]


def test_names_that_are_no_text_survive():
    name = os.fsdecode(b"\xff\xfe.jpg")
    assert FolderIndex.of("r", {"c": [name]})[0]["img_path"] == f"r/c/{name}"


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_it_comes_back_from_its_file(tree, cache):
    mark = folder_fingerprint(tree, list(FILES))
    index = FolderIndex.of(str(tree), FILES)
    store(index, mark, 3)
    back = recall(str(tree), list(FILES), 2)
    assert back is not None and back.classes == ("cat", "dog")
    assert list(back) == list(index)


def test_what_does_not_fit_is_not_taken(tree, cache):
    mark, file, classes = folder_fingerprint(tree, list(FILES)), cache_file(tree), list(FILES)
    assert recall(str(tree), classes, 0) is None
    store(FolderIndex.of(str(tree), FILES), mark, 2)
    assert recall(str(tree), [*classes, "new"], 0) is None
    assert recall(str(tree), classes, 3) is None  # more files are to be looked into
    file.write_bytes(file.read_bytes()[:-5])
    assert recall(str(tree), classes, 0) is None


@pytest.mark.parametrize("change", ["add", "remove", "rename"])
def test_the_fingerprint_follows_the_folder(tree, change):
    before = folder_fingerprint(tree, list(FILES))
    assert folder_fingerprint(tree, list(FILES)) == before
    os.utime(tree / "cat", ns=(0, 0))  # so that the change cannot fall into the same clock tick
    before = folder_fingerprint(tree, list(FILES))
    match change:
        case "add":
            (tree / "cat" / "new.jpg").touch()
        case "remove":
            (tree / "cat" / "a.jpg").unlink()
        case "rename":
            (tree / "cat" / "a.jpg").rename(tree / "cat" / "z.jpg")
    assert folder_fingerprint(tree, list(FILES)) != before


def test_each_folder_has_its_file_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file("a").parent == tmp_path / "tricklift" / "index"
    assert cache_file("a") == cache_file(Path("a").absolute()) != cache_file("b")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_file("a").is_relative_to(Path.home() / ".cache")
