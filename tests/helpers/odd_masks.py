"""Masks of every kind that programs write: a name, how to write ids that way, what comes of it."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

Writer = Callable[[Path, np.ndarray], None]

#: Colours of the ids 0, 1, 2 and 255.
COLOURS = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 255: (224, 224, 192)}


def laid(width: int = 80, height: int = 60, highest: int = 2) -> np.ndarray:
    """Ids 0..highest in stripes, with a block of 255 (not where `highest` is 1)."""
    ids = (np.arange(width) * (highest + 1) // width).astype(np.uint8)[None].repeat(height, 0)
    if highest > 1:
        ids[:5, :7] = 255
    return np.ascontiguousarray(ids)


def pil(mode: str | None = None, **options: object) -> Writer:
    """Ids by Pillow, as they are or converted to a mode."""

    def write(path: Path, ids: np.ndarray) -> None:
        image = Image.fromarray(ids)
        (image.convert(mode) if mode else image).save(path, **options)

    return write


def typed(kind: type, file_format: str) -> Writer:
    """Ids as numbers of a type."""
    return lambda path, ids: Image.fromarray(ids.astype(kind)).save(path, file_format)


def opencv(kind: type, channels: int = 1) -> Writer:
    """Ids by OpenCV, of a type, in equal channels."""

    def write(path: Path, ids: np.ndarray) -> None:
        many = ids.astype(kind) if channels == 1 else np.stack([ids.astype(kind)] * channels, -1)
        assert cv2.imwrite(str(path), many)

    return write


def palette(bits: int = 8, **options: object) -> Writer:
    def write(path: Path, ids: np.ndarray) -> None:
        few = ids & (2**bits - 1)  # 255 does not fit into few bits
        image = Image.fromarray(few).convert("P")
        image.putdata(few.reshape(-1).tolist())
        image.putpalette([7 * n % 256 for n in range(3 * 2**bits)])
        image.save(path, "PNG", bits=bits, **options)

    return write


def black_and_white(path: Path, ids: np.ndarray) -> None:
    image = Image.fromarray(ids).convert("P")
    image.putdata(ids.reshape(-1).tolist())
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)


def bmp_palette(path: Path, ids: np.ndarray) -> None:
    image = Image.fromarray(ids).convert("P")
    image.putdata(ids.reshape(-1).tolist())
    image.putpalette([7 * n % 256 for n in range(768)])
    image.save(path, "BMP")


def png_of_bits(bits: int) -> Writer:
    """A grey PNG of 2 or 4 bits, which Pillow reads and does not write."""

    def write(path: Path, ids: np.ndarray) -> None:
        height, width = ids.shape
        parts = {
            b"IHDR": struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0),
            b"IDAT": zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed(ids, bits))),
            b"IEND": b"",
        }
        data = b"\x89PNG\r\n\x1a\n"
        for kind, held in parts.items():
            data += struct.pack(">I", len(held)) + kind + held
            data += struct.pack(">I", zlib.crc32(kind + held))
        path.write_bytes(data)

    return write


def packed(ids: np.ndarray, bits: int) -> np.ndarray:
    """The lowest bits of ids, several in a byte; the highest first."""
    each = 8 // bits
    few = (ids & (2**bits - 1)).reshape(len(ids), -1, each)
    return (few << (bits * np.arange(each)[::-1])).sum(-1).astype(np.uint8)


def tiff_of(bits: int, white_is_zero: bool = False) -> Writer:
    """A plain TIFF of one strip."""

    def write(path: Path, ids: np.ndarray) -> None:
        height, width = ids.shape
        pixels = (packed(ids, bits) if bits < 8 else ids).tobytes()
        tags = {256: width, 257: height, 258: bits, 259: 1, 262: int(not white_is_zero)}
        tags |= {273: 8, 277: 1, 278: height, 279: len(pixels)}
        held = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        head = struct.pack("<2sHI", b"II", 42, 8 + len(pixels))
        path.write_bytes(head + pixels + struct.pack("<H", len(tags)) + held + bytes(4))

    return write


def pgm(white: int, plain: bool = False) -> Writer:
    """A PGM whose header says what white is; Pillow spreads the values over 0..255."""

    def write(path: Path, ids: np.ndarray) -> None:
        kept = np.minimum(ids.astype(np.int64), white)
        head = (
            f"{'P2' if plain else 'P5'}\n# by a program\n{ids.shape[1]} {ids.shape[0]}\n{white}\n"
        )
        few = kept.astype(">u2" if white > 255 else np.uint8)
        body = " ".join(map(str, kept.reshape(-1))).encode() if plain else few.tobytes()
        path.write_bytes(head.encode() + body)

    return write


def coloured(path: Path, ids: np.ndarray) -> None:
    colours = np.zeros((*ids.shape, 3), np.uint8)
    for label, colour in COLOURS.items():
        colours[ids == label] = colour
    Image.fromarray(colours).save(path)


def quantised(path: Path, ids: np.ndarray) -> None:
    """Colours in a palette in an order of its own, as a program that saves space writes them."""
    coloured(path, ids)
    Image.open(path).convert("RGB").quantize(4).save(path)


def alpha(mode: str, see_through: bool) -> Writer:
    def write(path: Path, ids: np.ndarray) -> None:
        image = Image.fromarray(ids).convert(mode)
        covered = np.full(ids.shape, 255, np.uint8)
        covered[:3] = 0 if see_through else 255
        image.putalpha(Image.fromarray(covered))
        image.save(path, "PNG")

    return write


def pages(file_format: str) -> Writer:
    def write(path: Path, ids: np.ndarray) -> None:
        more = [Image.fromarray(np.where(ids == 1, 0, ids))]
        Image.fromarray(ids).save(path, file_format, save_all=True, append_images=more)

    return write


def with_value(kind: type, value: float, file_format: str) -> Writer:
    def write(path: Path, ids: np.ndarray) -> None:
        many = ids.astype(kind)
        many[0, 0] = value
        Image.fromarray(many).save(path, file_format)

    return write


def turned(path: Path, ids: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(ids).save(path, "PNG", exif=exif)


def of_bytes(change: Callable[[bytes], bytes]) -> Writer:
    def write(path: Path, ids: np.ndarray) -> None:
        Image.fromarray(ids).save(path, "PNG")
        path.write_bytes(change(path.read_bytes()))

    return write


def of_size(width: int, height: int) -> Writer:
    return lambda path, ids: Image.fromarray(laid(width, height)).save(path)


#: Name -> suffix, writer, and the highest id that it holds: read as the ids that were written.
READ: dict[str, tuple[str, Writer, int]] = {
    "8-bit PNG": (".png", pil(), 2),
    "8-bit PNG, the suffix in capitals": (".PNG", pil(), 2),
    "palette": (".png", palette(), 2),
    "palette with transparency": (".png", palette(transparency=1), 2),
    "palette of 4 bits": (".png", palette(4), 1),
    "1-bit PNG": (".png", lambda path, ids: Image.fromarray(ids > 0).save(path), 1),
    "2-bit PNG": (".png", png_of_bits(2), 1),
    "4-bit PNG": (".png", png_of_bits(4), 1),
    "16-bit PNG": (".png", opencv(np.uint16), 2),
    "three equal channels": (".png", opencv(np.uint8, 3), 2),
    "four channels, opaque": (".png", alpha("RGB", False), 2),
    "grey with alpha, opaque": (".png", alpha("L", False), 2),
    "WEBP without loss": (".webp", pil("RGB", lossless=True), 2),
    "BMP": (".bmp", pil(), 2),
    "BMP with a palette": (".bmp", bmp_palette, 2),
    "GIF of 0 and 1": (".png", pil(format="GIF"), 1),
    "a palette of black and white": (".png", black_and_white, 1),
    "TIFF, LZW": (".tif", pil(compression="tiff_lzw"), 2),
    "1-bit TIFF": (
        ".tif",
        lambda path, ids: Image.fromarray(ids > 0).save(path, compression="group4"),
        1,
    ),
    "4-bit TIFF": (".tif", tiff_of(4), 1),
    "16-bit TIFF": (".tiff", typed(np.uint16, "TIFF"), 2),
    "32-bit TIFF": (".tif", typed(np.int32, "TIFF"), 2),
    "float TIFF": (".tif", typed(np.float32, "TIFF"), 2),
    "PGM": (".pgm", pil(), 2),
    "PGM whose white is 1": (".pgm", pgm(1), 1),
    "PGM whose white is 20": (".pgm", pgm(20), 1),
    "PGM whose white is 1000": (".pgm", pgm(1000), 2),
    "PGM in letters": (".pgm", pgm(3, plain=True), 1),
    "PNG under the suffix of TIFF": (".tif", pil(format="PNG"), 2),
}

#: Name -> suffix, writer, and what the refusal says.
REFUSED: dict[str, tuple[str, Writer, str]] = {
    "JPEG": (".jpg", pil(quality=95), r"is a lossy JPEG, .*write the masks as PNG"),
    "JPEG under the suffix of PNG": (".png", pil(format="JPEG"), r"is a lossy JPEG"),
    "WEBP": (".webp", pil("RGB", quality=90), r"is a lossy WEBP"),
    "WEBP with alpha": (".webp", pil("RGBA", quality=90, exif=b"Exif\0\0"), r"is a lossy WEBP"),
    "TIFF with JPEG in it": (".tif", pil(compression="jpeg"), r"is a lossy TIFF"),
    "colours": (
        ".png",
        coloured,
        r"holds the colours #\w+, .*#800000.* \(mode 'RGB'\).* mask_values={.* `name: #rrggbb`",
    ),
    "alpha": (".png", alpha("RGB", True), r"is transparent in part .* without alpha"),
    "grey with alpha": (".png", alpha("L", True), r"is transparent in part"),
    "16 bits, a large id": (
        ".png",
        with_value(np.uint16, 258, "PNG"),
        r"holds the values 258, .* whole numbers 0..255, .*mask_values=",
    ),
    "16 bits, ignored as 65535": (".png", with_value(np.uint16, 65535, "PNG"), r"values 65535, "),
    "16 bits in three channels": (".png", opencv(np.uint16, 3), r"has 16 bits a channel"),
    "a negative id": (".tif", with_value(np.int32, -1, "TIFF"), r"holds the values -1, "),
    "a float between ids": (".tif", with_value(np.float32, 0.5, "TIFF"), r"the values 0.5, "),
    "not a number": (".tif", with_value(np.float32, np.nan, "TIFF"), r"holds the values nan, "),
    "white is zero": (".tif", tiff_of(8, white_is_zero=True), r"says that 0 is white"),
    "CMYK": (".tif", pil("CMYK"), r"\(mode 'CMYK'\), not one channel"),
    "a palette of its own": (
        ".png",
        pil(format="GIF"),
        r"has a palette of the grey levels 0, 1, 2, 255 at its places 0, 1, 2, 3, and either",
    ),
    "two pages": (".tif", pages("TIFF"), r"holds 2 pictures; write one mask"),
    "animated": (".png", pages("GIF"), r"holds 2 pictures"),
    "turned": (".png", turned, r"EXIF orientation 3 would turn it; write the mask without"),
    "cut off": (".png", of_bytes(lambda data: data[:-30]), r"cannot be read"),
    "damaged within": (
        ".png",
        of_bytes(lambda data: data[:45] + bytes(20) + data[65:]),
        r"cannot be read",
    ),
    "no bytes": (".png", of_bytes(lambda data: b""), r"it has 0 bytes"),
    "text": (".png", of_bytes(lambda data: b"<html>"), r"cannot be read"),
    "narrower": (".png", of_size(79, 60), r"the mask has 79x60 pixels, its image 80x60; write"),
    "on its side": (".png", of_size(60, 80), r"the mask has 60x80 pixels, its image 80x60"),
    "an id beyond the classes": (
        ".png",
        with_value(np.uint8, 9, "PNG"),
        r"label ids 9 are above the 3 classes .* correct the mask, or the classes",
    ),
}
