"""Which files count, what a list says, and which picture a name means."""

import pytest

from tricklift.data.files import (
    PICTURES,
    Pictures,
    Repairs,
    folders_in,
    is_system,
    pictures_below,
    read_list,
    read_text,
)


@pytest.fixture
def tree(tmp_path):
    for name in ("b.JPG", "a.png", "more/c.tif", "more/deep/d.webp", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").touch()
    return tmp_path


def test_pictures_at_any_depth_and_none_of_a_systems(tree):
    repairs = Repairs()
    assert list(pictures_below(tree, repairs)) == [
        "a.png",
        "b.JPG",
        "more/c.tif",
        "more/deep/d.webp",
    ]
    assert repairs.counts == {
        "hidden or system file or folder left out": 4,
        "file left out that is no picture by its suffix": 1,
    }
    assert list(pictures_below(tree, suffix=".txt")) == ["notes.txt"]


def test_a_loop_of_links_ends(tree):
    (tree / "more" / "up").symlink_to(tree)
    (tree / "again").symlink_to(tree / "more" / "deep")
    assert list(pictures_below(tree)).count("more/deep/d.webp") == 1
    assert "again/d.webp" in list(pictures_below(tree))


def test_links_to_themselves_and_to_each_other_end(tree):
    (tree / "self").symlink_to("self")
    (tree / "self.jpg").symlink_to("self.jpg")
    (tree / "one").mkdir()
    (tree / "two").mkdir()
    (tree / "one" / "there").symlink_to(tree / "two")
    (tree / "two" / "back").symlink_to(tree / "one")
    (tree / "two" / "e.jpg").touch()
    found = list(pictures_below(tree))
    assert {"self.jpg", "one/there/e.jpg", "two/e.jpg"} <= set(found) and len(found) == 7


def test_folders_of_data(tree):
    (tree / "linked").symlink_to(tree / "more")
    (tree / "round").symlink_to(tree)
    (tree / "up").symlink_to(tree.parent)
    (tree / "self").symlink_to("self")
    repairs = Repairs()
    assert folders_in(tree, repairs) == ["linked", "more"]
    assert repairs.counts == {
        "hidden or system file or folder left out": 3,
        "link to a folder above left out": 2,
    }


@pytest.mark.parametrize(
    "name",
    [
        *(".ipynb_checkpoints", "@eaDir", "__MACOSX", "__macosx", ".DS_Store", "._x.jpg", ".x.png"),
        *("Thumbs.db", "thumbs.db", "Desktop.ini", "#recycle", "System Volume Information"),
    ],
)
def test_what_systems_leave(name):
    assert is_system(name) and not is_system(f"x{name}")


@pytest.mark.parametrize("suffix", [*PICTURES, *(s.upper() for s in PICTURES)])
def test_a_name_finds_its_picture_whatever_the_suffix(tmp_path, suffix):
    (tmp_path / f"x.1{suffix}").touch()
    for name in ("x.1", f"x.1{suffix}"):
        assert Pictures(tmp_path).find(name) == tmp_path / f"x.1{suffix}"
    assert Pictures(tmp_path).find("x") is None


def test_an_annotations_own_word_decides_and_finds(tmp_path):
    for name in ("a.jpg", "a.png", "IMG_7.jpg"):
        (tmp_path / name).touch()
    find = Pictures(tmp_path).find
    assert find("a", "C:\\photos\\a.png") == tmp_path / "a.png"
    assert find("a.jpg", "a.png") == tmp_path / "a.jpg"  # the list says it
    assert find("b", "/home/me/IMG_7.jpg") == tmp_path / "IMG_7.jpg"
    assert find("b", "gone.jpg") is None
    with pytest.raises(ValueError, match=r"which of a.jpg, a.png is meant\? remove the others"):
        find("a")


LISTS = {
    "plain": b"a\nb\n",
    "no end": b"a\nb",
    "windows": b"a\r\nb\r\n",
    "bom": "\ufeffa\nb\n".encode(),
    "utf-16": "a\nb\n".encode("utf-16"),
    "blanks": b"\n  a \n\n\tb\t\n\n",
    "twice": b"a\nb\na\na\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_as_editors_write_it(tmp_path, kind):
    file, repairs = tmp_path / "l.txt", Repairs()
    file.write_bytes(LISTS[kind])
    assert read_list(file, "put it there", repairs) == ["a", "b"]
    assert str(repairs) == (
        "2 x name listed twice, read once (first: l.txt: a)" if kind == "twice" else ""
    )


def test_spaces_belong_to_a_name(tmp_path):
    (tmp_path / "l.txt").write_text("my pic\nb 2\n")
    assert read_list(tmp_path / "l.txt", "", Repairs()) == ["my pic", "b 2"]


def test_another_encoding_is_named_with_its_file(tmp_path):
    (tmp_path / "l.txt").write_bytes("größe\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"l.txt: not in utf-8 \(.*\); save it as UTF-8"):
        read_text(tmp_path / "l.txt")
    with pytest.raises(FileNotFoundError, match=r"gone.txt: no such file"):
        read_text(tmp_path / "gone.txt")
