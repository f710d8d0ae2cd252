"""What the lines of VOC's lists mean."""

import unicodedata

import pytest

from det.voc_list import find_picture, find_xml, read_names
from tricklift.data.files import Pictures, Repairs


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "VOCdevkit/VOC2007/JPEGImages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def names(images, tmp_path):
    def read(text: str | bytes) -> tuple[dict[str, str], str]:
        file, repairs = tmp_path / "train.txt", Repairs()
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_names(file, images, "put it there", repairs), str(repairs)

    return read


LINES = {
    "a": ("a", "a"),
    "  a\t": ("a", "a"),
    "my pic 2": ("my pic 2", "my pic 2"),
    "a.jpg": ("a", "a.jpg"),
    "a.JPG": ("a", "a.JPG"),
    "a.xml": ("a", "a.xml"),
    "a.XML": ("a", "a.XML"),
    "v1.2_a": ("v1.2_a", "v1.2_a"),
    "größe": ("größe", "größe"),
    "./a": ("a", "a"),
    "day/a.png": ("day/a", "day/a.png"),
    "day\\a.png": ("day/a", "day/a.png"),
    "JPEGImages/a.jpg": ("a", "a.jpg"),
    "VOC2007/JPEGImages/a.jpg": ("a", "a.jpg"),
    "VOCdevkit/VOC2007/JPEGImages/day/a": ("day/a", "day/a"),
    "{images}/a.jpg": ("a", "a.jpg"),
    "{images}/day/a": ("day/a", "day/a"),
    "{link}/a.jpg": ("a", "a.jpg"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_a_name_or_a_path(names, images, tmp_path, line):
    (tmp_path / "link").symlink_to(images)
    name, path = LINES[line]
    text = line.format(images=images, link=tmp_path / "link")
    for end in ("\n", "\r\n", ""):
        assert names(text + end) == ({name: path}, "")
    for encoding in ("utf-8-sig", "utf-16"):
        assert names(f"{text}\n\n".encode(encoding)) == ({name: path}, "")


@pytest.mark.parametrize(
    "line", ["/elsewhere/JPEGImages/a.jpg", "../JPEGImages/a", "C:\\voc\\JPEGImages\\a.jpg"]
)
def test_a_line_that_leads_elsewhere(names, line):
    with pytest.raises(ValueError, match=r"train.txt: .*leads to no picture below .* such as 'a'"):
        names(line)


def test_a_picture_and_an_xml_in_one_line(names):
    with pytest.raises(ValueError, match=r"'my a.jpg b/a.xml' names a picture and .*as 'my a'"):
        names("my a.jpg b/a.xml\n")


def test_names_that_are_there_twice_are_read_once_and_counted(names):
    assert names("a.jpg\nb\na\n./b\na.jpg\n") == (
        {"a": "a.jpg", "b": "b"},
        "3 x name listed twice, read once (first: train.txt: a.jpg)",
    )
    with pytest.raises(ValueError, match=r"'a.jpg' and 'a.png' would share one annotation, a.xml"):
        names("a.jpg\na.png\n")


@pytest.mark.parametrize("text", ["a 1\nb -1\n", "a  1\nb  0\nc -1\n"])
def test_flags_of_one_class(names, text):
    with pytest.raises(ValueError, match=r"train.txt .*list of one class; use trainval.txt"):
        names(text)


def test_numbers_at_the_end_of_names_are_no_flags(names):
    """Only VOC's own lists have -1."""
    assert list(names("pic 0\npic 1\n")[0]) == ["pic 0", "pic 1"]


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("listed", ["NFC", "NFD"])
def test_accents_are_found_however_a_system_stores_them(tmp_path, stored, listed):
    there, said = (unicodedata.normalize(form, "größe") for form in (stored, listed))
    for name in (f"{there}.xml", f"{there}.png"):
        (tmp_path / name).touch()
    xml = find_xml(tmp_path, said)
    assert xml == tmp_path / f"{there}.xml"
    assert find_picture(Pictures(tmp_path), said, "", xml) == tmp_path / f"{there}.png"


def test_annotations_by_name(tmp_path):
    (tmp_path / "day").mkdir()
    (tmp_path / "day/a.XML").touch()
    assert find_xml(tmp_path, "day/a") == tmp_path / "day/a.XML"
    with pytest.raises(FileNotFoundError, match=r"/day/b.xml: no such annotation; add it, or take"):
        find_xml(tmp_path, "day/b")
    with pytest.raises(FileNotFoundError, match=r"a  1.xml: no such .*flag of a class: trainval"):
        find_xml(tmp_path, "a  1")
