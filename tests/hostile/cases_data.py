"""Annotations, lists, pictures and masks."""

import io
import json
import struct
import zlib
from pathlib import Path

from PIL import Image

from hostile import case

XML = """<annotation><size><width>40</width><height>30</height></size><object><name>{name}</name>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>{bottom}</ymax></bndbox></object>
</annotation>"""


def voc(folder: Path, xml: str | bytes = "", names: str = "", **fields: str) -> list[str]:
    """A VOC folder with three pictures; the first one's XML is the hostile one."""
    root = folder / "voc"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    good = XML.format(name="cat", bottom="20")
    for place in range(3):
        Image.new("RGB", (40, 30), (place, 0, 0)).save(root / f"JPEGImages/{place}.jpg")
        (root / f"Annotations/{place}.xml").write_text(good)
    told = xml or (XML.format(**{"name": "cat", "bottom": "20", **fields}) if fields else good)
    data = told if isinstance(told, bytes) else told.encode()
    (root / "Annotations/0.xml").write_bytes(data)
    (root / "ImageSets/Main/train.txt").write_text(names or "0\n1\n")
    (root / "ImageSets/Main/val.txt").write_text("2\n")
    return ["train", "det/own", "--data", "voc", "--work-dir", "run"]


def entities(levels: int) -> str:
    lines = ["<!ENTITY a0 'lol'>"]
    lines += [f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, levels)]
    return f"<!DOCTYPE x [{''.join(lines)}]><annotation>&a{levels - 1};</annotation>"


@case(says="entities")
def xml_billion_laughs(folder):
    """an XML bomb: a billion laughs"""
    return voc(folder, entities(10))


@case(says="entities")
def xml_quadratic(folder):
    """an XML bomb: one long entity, 10,000 times"""
    return voc(
        folder,
        f"<!DOCTYPE x [<!ENTITY a '{'a' * 100_000}'>]><annotation>{'&a;' * 10_000}</annotation>",
    )


@case(says="entities")
def xml_external(folder):
    """an XML with an external entity"""
    return voc(
        folder, "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><annotation>&a;</annotation>",
        )  # fmt: skip


@case(says="entities")
def xml_parameter_entity(folder):
    """an XML with a parameter entity from a server"""
    return voc(
        folder,
        "<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://127.0.0.1:9/x.dtd'> %a;]><annotation/>",
    )


@case(ends="read")
def xml_external_dtd(folder):
    """an XML with a document type from a server, which nobody asks for"""
    voc(folder, "<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><annotation/>")
    return ["check", "voc"]


@case()
def xml_deep(folder):
    """an XML nested 100,000 levels deep"""
    return voc(folder, "<annotation>" + "<a>" * 100_000 + "</a>" * 100_000 + "</annotation>")


@case()
def xml_deep_unclosed(folder):
    """an XML nested 1,000,000 levels deep, never closed"""
    return voc(folder, "<a>" * 1_000_000)


@case()
def xml_long(folder):
    """an XML of 100,000 objects outside of the picture"""
    one = XML.format(name="cat", bottom="99999").split("</size>")[1].split("</annotation>")[0]
    return voc(folder, f"<annotation>{one * 100_000}</annotation>")


@case()
def xml_decoder(folder):
    """an XML that names a codec which is none of text"""
    return voc(folder, b"<?xml version='1.0' encoding='zip'?><annotation/>")


@case()
def xml_steering_class(folder):
    """an XML whose class has control characters of eight bits"""
    xml = "<?xml version='1.0'?>" + XML.format(name="\x9b31mcat", bottom="x")
    return voc(folder, xml)


@case()
def xml_numbers(folder):
    """an XML with a number of 1e400"""
    return voc(folder, bottom="1e400")


@case()
def xml_digits(folder):
    """an XML with a number of 1,000,000 digits"""
    return voc(folder, bottom="9" * 1_000_000)


@case(says="leads to no picture below")
def list_climbing(folder):
    """a list with a name that climbs out"""
    return voc(folder, names="0\n../../../outside/kept\n")


@case(says="leads to no picture below")
def list_absolute(folder):
    """a list with an absolute path"""
    return voc(folder, names="0\n/etc/passwd\n")


@case(says="control characters")
def list_of_zeros(folder):
    """a list of zero bytes"""
    return voc(folder, names="\0" * 1000)


@case(says="control characters")
def list_steering(folder):
    """a list with terminal escapes"""
    return voc(folder, names="0\n\x1b[2J\x1b]0;owned\x07\n")


@case()
def list_long(folder):
    """a list with a name of 10,000,000 letters"""
    return voc(folder, names="a" * 10_000_000)


def png(width: int, height: int, *chunks: tuple[bytes, bytes], data: bytes = b"") -> bytes:
    """A PNG of a colour type of three channels, whatever is in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", data), (b"IEND", b"")]
    text = b"\x89PNG\r\n\x1a\n"
    for kind, body in parts:
        checked = zlib.crc32(kind + body)
        text += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checked)
    return text


def picture(folder: Path, data: bytes, suffix: str) -> list[str]:
    """A VOC folder whose first picture is the hostile one."""
    arguments = voc(folder)
    (folder / "voc/JPEGImages/0.jpg").unlink()
    (folder / f"voc/JPEGImages/0{suffix}").write_bytes(data)
    return arguments


@case()
def png_bomb(folder):
    """a PNG of 60,000 x 60,000 pixels in 10 MB"""
    pack = zlib.compressobj(9)
    row = bytes(180_001)
    data = b"".join(pack.compress(row) for _ in range(600)) + pack.flush()
    return picture(folder, png(60_000, 60_000, data=data), ".png")


@case()
def png_huge(folder):
    """a PNG of 2^31 - 1 pixels a side"""
    return picture(folder, png(2**31 - 1, 2**31 - 1), ".png")


@case()
def png_text_bomb(folder):
    """a PNG with a compressed text of 1 GiB"""
    pack = zlib.compressobj(9)
    text = b"".join(pack.compress(bytes(1 << 20)) for _ in range(1024)) + pack.flush()
    chunk = (b"zTXt", b"a\0\0" + text)
    return picture(folder, png(40, 30, chunk, data=zlib.compress(bytes(121 * 30))), ".png")


@case()
def gif_of_frames(folder):
    """a GIF of 60,000 x 60,000 pixels and many frames"""
    frame = b"!\xf9\x04\0\0\0\0\0,\0\0\0\0\x60\xea\x60\xea\0\x02\x02D\x01\0"
    return picture(
        folder, b"GIF89a\x60\xea\x60\xea\xf0\0\0\0\0\0\xff\xff\xff" + frame * 10_000 + b";", ".png"
    )


@case()
def tiff_of_lies(folder):
    """a TIFF whose tags say to have 2^32 - 1 strips"""
    tags = [(256, 4, 1, 40), (257, 4, 1, 30), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 2**32 - 1, 8), (278, 4, 1, 1), (279, 4, 2**32 - 1, 8)]
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + bytes(4)
    return picture(folder, data, ".tif")


@case()
def tiff_loop(folder):
    """a TIFF whose directories are a ring"""
    data = b"II*\0" + struct.pack("<IHI", 8, 0, 8)
    return picture(folder, data, ".tif")


@case()
def jpeg_cut(folder):
    """a JPEG that says to have 65,535 x 65,535 pixels"""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "JPEG")
    data = bytearray(stream.getvalue())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    return picture(folder, bytes(data), ".jpg")


@case()
def mask_bomb(folder):
    """a mask of 60,000 x 60,000 pixels beside a small picture"""
    for part in ("images/train", "masks/train", "images/val", "masks/val"):
        (folder / "seg" / part).mkdir(parents=True)
    for split in ("train", "val"):
        Image.new("RGB", (40, 30)).save(folder / f"seg/images/{split}/a.png")
        Image.new("L", (40, 30), 1).save(folder / f"seg/masks/{split}/a.png")
    pack = zlib.compressobj(9)
    rows = b"".join(pack.compress(bytes(180_001)) for _ in range(600)) + pack.flush()
    (folder / "seg/masks/train/a.png").write_bytes(png(60_000, 60_000, data=rows))
    return ["train", "seg/own", "--data", "seg", "--work-dir", "run"]


@case()
def mask_names_json(folder):
    """names of classes in a JSON 100,000 levels deep"""
    mask_bomb(folder)
    for split in ("train", "val"):
        Image.new("L", (40, 30), 1).save(folder / f"seg/masks/{split}/a.png")
    (folder / "seg/classes.json").write_text("[" * 100_000)
    return ["train", "seg/own", "--data", "seg", "--work-dir", "run"]


def coco(folder: Path, text: str) -> list[str]:
    root = folder / "coco"
    (root / "images").mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(root / "images/a.png")
    (root / "train.json").write_text(text)
    return ["train", "det/own", "--data", "coco", "--work-dir", "run"]


def boxes(name: str, box: list) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": name, "width": 40, "height": 30}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box}],
            "categories": [{"id": 1, "name": "cat"}],
        }
    )


@case()
def coco_deep(folder):
    """a COCO file 100,000 levels deep"""
    return coco(folder, '{"images":' + "[" * 100_000)


@case(says="leaves the folder")
def coco_climbing(folder):
    """a COCO file whose picture climbs out"""
    Image.new("RGB", (40, 30)).save(folder.parent / "outside/a.png")
    return coco(folder, boxes("../../../outside/a.png", [1, 1, 5, 5]))


@case()
def coco_odd_numbers(folder):
    """a COCO file with NaN and a number of 400 digits"""
    return coco(folder, boxes("a.png", [1, 1, float("nan"), int("9" * 400)]))


@case()
def link_out_of_the_data(folder):
    """a folder of data with a loop of links"""
    root = folder / "classes"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        (root / name / "up").symlink_to(root)
        (root / name / "up2").symlink_to(root)
    return ["train", "cls/own", "--data", "classes", "--work-dir", "run"]
