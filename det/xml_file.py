"""An XML file as programs leave it: in any encoding, with namespaces, without entities."""

import codecs
import re
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError
from xml.parsers import expat

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tricklift.data.files import Repairs
from tricklift.errors import MissingFileError, UserError

#: Of a file: some ten thousand boxes, and tags in tags.
MOST_BYTES, MOST_DEPTH = 4 << 20, 100
_DECLARED = re.compile(rb"""<\?xml\b[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
#: What a file without a declaration begins with, and what that says. The longer marks come first.
_BEGINNINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
#: What some programs call UTF-8.
_UTF_8 = ("utf8mb4", "utf8mb3", "unicode", "utf", "ucs-2")
#: Programs say the name of a set of characters and write its superset.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}


def parse(xml: Path, repairs: Repairs) -> Element:
    """The content of an XML file, in any encoding that Python knows.

    Names of tags are in small letters and without namespaces, so one spelling finds them.

    Args:
        xml: The file.
        repairs: Counts encodings that were taken for others than the file says.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is not parseable, not in the encoding that it declares, has entities, or is
            larger or deeper than any annotation.
    """
    if not xml.is_file():
        raise MissingFileError(f"{xml}: no such annotation; add it, or take the image off the list")
    if (size := xml.stat().st_size) > MOST_BYTES:
        raise UserError(
            f"{xml}: {size:,} bytes, and an annotation has {MOST_BYTES:,} at most; "
            "is it another file?"
        )
    text = _text(xml.read_bytes(), xml, repairs)
    _refuse_depth(text, xml)
    try:
        root: Element = fromstring(text)
    except ParseError as error:
        raise UserError(f"{xml}: not parseable as XML ({error}); write the file again") from error
    except DefusedXmlException as error:
        raise UserError(
            f"{xml}: has a document type with entities, which is refused ({error}); "
            "save the file without it"
        ) from error
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2].lower()
    return root


def _refuse_depth(text: str, xml: Path) -> None:
    """Refuses what takes seconds to read; small files take none, whatever is in them."""
    if len(text) < MOST_BYTES // 32:
        return
    depth = 0

    def start(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            raise _TooDeep

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(text, True)
    except _TooDeep:
        raise UserError(f"{xml}: over {MOST_DEPTH} levels deep; write the file again") from None
    except (expat.ExpatError, LookupError, ValueError):
        return  # what is wrong is said by the reader


class _TooDeep(Exception):
    """Tags in tags in tags."""


def _text(data: bytes, xml: Path, repairs: Repairs) -> str:
    """The text behind the declaration."""
    data = data.lstrip(b" \t\r\n")
    mark = next((name for begin, name in _BEGINNINGS if data.startswith(begin)), None)
    found = _DECLARED.match(data)
    named = found[1].decode("ascii", "replace").strip() if found else ""
    encoding = mark or _encoding(named, data, xml, repairs)
    try:
        text = data.decode(encoding)
    except (UnicodeError, LookupError) as error:
        said = f"its first line says {named!r}" if named else "its first line says no other"
        raise UserError(
            f"{xml}: not in the encoding {encoding!r} ({error}; {said}); write the file's own "
            "encoding there, or convert it (`iconv -f GB18030 -t UTF-8 FILE`, if it is Chinese)"
        ) from error
    return _without_declaration(text.lstrip(" \t\r\n\ufeff"))


def _without_declaration(text: str) -> str:
    if not text.startswith("<?xml"):
        return text
    head, end, rest = text.partition("?>")
    return rest if end else head


def _encoding(named: str, data: bytes, xml: Path, repairs: Repairs) -> str:
    """The codec of a file that begins without a byte order mark, in bytes as ASCII has them."""
    try:
        codec = codecs.lookup(named or "utf-8").name
    except LookupError:
        codec = named
    wrong = named.lower() in _UTF_8 or codec.startswith(("utf-16", "utf-32"))
    if wrong or (_of_single_bytes(codec) and _is_utf_8(data)):
        repairs.note(f"encoding {named!r} in the XML taken as UTF-8", xml.name)
        return "utf-8"
    return _SUPERSETS.get(codec, codec)


def _of_single_bytes(codec: str) -> bool:
    return codec == "ascii" or codec.startswith(("iso8859", "cp125"))


def _is_utf_8(data: bytes) -> bool:
    """Whether there are letters beyond ASCII, and all of them are UTF-8: no chance of others."""
    try:
        return not data.isascii() and bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False
