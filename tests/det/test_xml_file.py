"""XMLs as programs write them: bytes that mean the same are read the same, or say what they are."""

import pytest

from det.xml_file import parse
from tricklift.data.files import Repairs

#: Letters of each encoding beyond ASCII.
WORDS = {"latin": "größe", "chinese": "中文", "japanese": "猫", "korean": "고양이", "rare": "镕"}


def body(word: str) -> str:
    return f"<annotation><object><name>{word}</name></object></annotation>"


def declared(encoding: str, word: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{body(word)}'


@pytest.fixture
def read(tmp_path):
    def run(data: bytes) -> tuple[str, str]:
        xml, repairs = tmp_path / "a.xml", Repairs()
        xml.write_bytes(data)
        return parse(xml, repairs).findtext("object/name"), str(repairs)

    return run


DECLARED = [
    ("utf-8", "chinese"),
    ("UTF8", "latin"),
    ("iso-8859-1", "latin"),
    ("latin-1", "latin"),
    ("windows-1252", "latin"),
    ("gb2312", "chinese"),
    ("GBK", "chinese"),
    ("gb18030", "rare"),
    ("big5", "chinese"),
    ("shift_jis", "japanese"),
    ("euc-kr", "korean"),
    ("utf-16", "chinese"),
    ("utf-16-le", "latin"),
    ("utf-16-be", "latin"),
    ("utf-32", "latin"),
]


@pytest.mark.parametrize(("encoding", "word"), DECLARED)
def test_the_encoding_that_it_declares(read, encoding, word):
    text = WORDS[word]
    assert read(declared(encoding, text).encode(encoding)) == (text, "")


def test_a_set_of_characters_is_read_with_what_programs_add_to_it(read):
    """The letter is in GBK and not in GB2312, which the file says."""
    with pytest.raises(UnicodeEncodeError):
        WORDS["rare"].encode("gb2312")
    assert read(declared("gb2312", WORDS["rare"]).encode("gbk")) == (WORDS["rare"], "")


UNDECLARED = {
    "nothing": body("größe").encode(),
    "mark of UTF-8": body("größe").encode("utf-8-sig"),
    "mark of UTF-8, another declared": declared("gb2312", "größe").encode("utf-8-sig"),
    "mark of UTF-16": body("größe").encode("utf-16"),
    "mark of UTF-16, UTF-8 declared": declared("utf-8", "größe").encode("utf-16"),
    "UTF-16 without a mark": body("größe").encode("utf-16-le"),
    "UTF-16, the other way, without a mark": body("größe").encode("utf-16-be"),
    "lines before the declaration": b"\r\n \n" + declared("utf-8", "größe").encode(),
    "no version": b"<?xml encoding='UTF-8' ?>" + body("größe").encode(),
    "spaces around": b'<?xml version = "1.0" encoding = "utf-8" standalone="yes"?>'
    + body("größe").encode(),
    "Windows' ends of lines": declared("utf-8", "größe").replace("\n", "\r\n").encode(),
    "comments": b"<!-- a -->" + body("gr<!-- b -->öße").encode() + b"<!-- c -->",
    "CDATA": body("<![CDATA[größe]]>").encode(),
    "characters by number": body("gr&#246;&#xDF;e").encode("ascii"),
    "a style sheet": b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?>'
    + body("größe").encode(),
    "a namespace": body("größe").replace("<annotation>", '<annotation xmlns="urn:voc">').encode(),
    "a prefix": b'<v:annotation xmlns:v="urn:voc"><v:object><v:name>gr\xc3\xb6\xc3\x9fe</v:name>'
    b"</v:object></v:annotation>",
    "capitals": body("größe").replace("object", "Object").replace("name", "NAME").encode(),
}


@pytest.mark.parametrize("kind", UNDECLARED)
def test_what_the_bytes_say(read, kind):
    assert read(UNDECLARED[kind]) == ("größe", "")


@pytest.mark.parametrize(
    "named",
    [
        "utf8mb4",
        "unicode",
        "utf-16",
        "UTF-16LE",
        "utf-32",
        "iso-8859-1",
        "windows-1252",
        "us-ascii",
    ],
)
def test_utf_8_under_another_name_is_read_and_counted(read, named):
    """C#'s writers say utf-16 of strings; letters that are UTF-8 throughout are no others."""
    name, said = read(declared(named, "größe").encode())
    assert (name, said) == (
        "größe",
        f"1 x encoding '{named}' in the XML taken as UTF-8 (first: a.xml)",
    )


def test_bytes_that_are_two_encodings_are_read_as_declared(read):
    """These GBK bytes are valid UTF-8 too."""
    data = declared("gbk", "模").encode("gbk")
    assert data.decode("utf-8")
    assert read(data) == ("模", "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (declared("utf-8", "中文").encode("gbk"), r"'utf-8' .*says 'utf-8'\).*iconv -f GB18030"),
        (body("größe").encode("latin-1"), r"'utf-8' .*first line says no other\); write the"),
        (declared("klingon", "cat").encode(), r"'klingon' \(unknown encoding: klingon"),
        (declared("hex", "cat").encode(), r"'hex' \(.*not a text encoding"),
        (declared("undefined", "cat").encode(), r"not in the encoding 'undefined'"),
        (declared("utf-8", "cat").encode("utf-16")[:51], r"'utf-16' \(.*truncated"),
        (b"", r"not parseable as XML \(no element found"),
        (b"\xff\xd8\xff\xe0", r"not in the encoding 'utf-8'"),
        (body("cat")[:-20].encode(), r"not parseable as XML \(.*\); write the file again"),
        (body("a & b").encode(), r"not parseable as XML \(.*line 1"),
        (body("cat").encode() * 2, r"not parseable as XML \(junk after"),
        (body("cat\0").encode(), r"not parseable as XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + body("&b;").encode(), r"document type with entities"),
    ],
)
def test_what_cannot_be_read_says_why(read, data, words):
    with pytest.raises(ValueError, match=rf"a.xml: .*{words}"):
        read(data)
