"""Random annotations and lists, and their readers."""

import os
from pathlib import Path
from xml.sax.saxutils import escape

from fuzz_values import changed, numbers, words
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

TAGS = (
    *("annotation", "object", "bndbox", "name", "difficult", "size", "width", "height", "part"),
    *("xmin", "ymin", "xmax", "ymax", "filename", "depth", "truncated"),
)
WHOLE_XML = b"""<?xml version="1.0" encoding="utf-8"?>
<annotation><filename>a.jpg</filename><size><width>10</width><height>10</height><depth>3</depth>
</size><object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin>
<xmax>8</xmax><ymax>9</ymax></bndbox></object></annotation>"""
HEADS = (
    *("", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='gb2312'?>"),
    *("<?xml version='1.0' encoding='rot13'?>", "<?xml version='1.0' encoding='idna'?>"),
    *("<?xml version='1.0' encoding='base64'?>", "<?xml version='1.0' encoding='utf-16'?>"),
    *("<?xml version='1.0' encoding='unicode_escape'?>", "<?xml version='1.0' encoding='zip'?>"),
    *("<!DOCTYPE a [<!ENTITY x 'y'>]>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"),
)
_texts = st.one_of(
    words.map(escape), numbers.map(str), st.sampled_from(("cat", "1", "5", "9", "&x;", "&#0;"))
)


def _node(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    parts = st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=4).map("".join))
    return parts.map(lambda part: f"<{part[0]}>{part[1]}</{part[0]}>")


def _object(fields: dict[str, str]) -> str:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if len(k) == 4 and k != "name")
    rest = "".join(f"<{k}>{fields[k]}</{k}>" for k in ("name", "difficult") if k in fields)
    return f"<object>{rest}<bndbox>{corners}</bndbox></object>"


_objects = st.fixed_dictionaries(
    {"name": st.just("cat") | _texts},
    optional=dict.fromkeys(("difficult", "xmin", "ymin", "xmax", "ymax"), _texts),
).map(_object)
_trees = st.recursive(_texts, _node, max_leaves=10)
xml_files = st.one_of(
    changed(WHOLE_XML),
    st.tuples(st.sampled_from(HEADS), st.lists(_objects | _trees, max_size=4)).map(
        lambda parts: f"{parts[0]}<annotation>{''.join(parts[1])}</annotation>".encode(
            "utf-8", "surrogatepass"
        )
    ),
    st.binary(max_size=60),
)


def read_xml(file: Path) -> None:
    from det import voc_xml
    from det.checks import Rules
    from tricklift.data.files import Repairs

    repairs = Repairs()
    root = voc_xml.parse(file, repairs)
    voc_xml.picture_named(root)
    rules = Rules(("cat",), other_classes="skip")
    voc_xml.read_annotation(root, file, file.parent / "a.png", rules, repairs)
    str(repairs)


WHOLE_LIST = "a\r\na.png\n sub/b \nc c.jpg\t7\n".encode("utf-16")
list_files = st.one_of(
    changed(WHOLE_LIST),
    st.tuples(
        st.sampled_from((b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")),
        st.lists(words | st.sampled_from(("a", "a.png", "a 1", "a -1")), max_size=6),
        st.sampled_from(("\n", "\r\n", "\r", "\x0b", "\x85", "\u2028")),
        st.sampled_from(("utf-8", "utf-16-le", "utf-16-be", "latin-1", "gb18030")),
    ).map(lambda p: p[0] + p[2].join(p[1]).encode(p[3], "replace")),
    st.binary(max_size=60),
)


def read_list(file: Path) -> None:
    from tricklift.data.files import Pictures, Repairs
    from tricklift.data.files import read_below as read

    pictures = Pictures(file.parent)
    for name in read(file, "put it there", Repairs()):
        assert Path(os.path.abspath(file.parent / name)).is_relative_to(file.parent), name
        assert "\x1b" not in name and "\0" not in name, name
        pictures.find(name)
