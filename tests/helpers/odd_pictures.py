"""Pictures as they are out there, a kind a row: how it is made, and what becomes of it."""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

ORIENTATION = 0x0112
SIDES = (90, 60)  # width, height
#: In a file's EXIF part the orientation; OpenCV passes over that of XMP, as browsers do.
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


@dataclass(frozen=True)
class Kind:
    """A kind of picture.

    Attributes:
        make: Its file's content.
        refused: A pattern of what is said where it is refused; empty: it is read.
        counted: What is counted where it is read.
        suffix: Of its name.
        turns: Whether its orientation counts.
    """

    make: Callable[[], bytes]
    refused: str = ""
    counted: str = ""
    suffix: str = ".png"
    turns: bool = True


def smooth(width: int = SIDES[0], height: int = SIDES[1]) -> np.ndarray:
    """Large patches of colour, uint8 ``(height, width, 3)``, RGB: as much detail as a photo has."""
    patches = np.random.default_rng(0).integers(30, 220, (4, 6, 3), np.uint8)
    return cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC)


def image(mode: str = "RGB") -> Image.Image:
    found = Image.fromarray(smooth())
    if mode.endswith("A"):
        found = found.convert(mode)
        found.putalpha(Image.fromarray(smooth()[..., 0]))
    return found.convert(mode)


def written(form: str, mode: str = "RGB", **options: object) -> Callable[[], bytes]:
    """Writes the picture by Pillow, with as little loss as the format has."""
    fine = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(form, {})

    def write() -> bytes:
        file = io.BytesIO()
        image(mode).save(file, form, **{**fine, **options})
        return file.getvalue()

    return write


def turned(form: str, orientation: int) -> Callable[[], bytes]:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return written(form, exif=exif)


def several(form: str) -> Callable[[], bytes]:
    return written(form, save_all=True, append_images=[Image.fromarray(255 - smooth())])


def deep(suffix: str, bits: int, grey: bool = False) -> Callable[[], bytes]:
    def write() -> bytes:
        pixels = (smooth().astype(np.uint16) * 257) >> (16 - bits)
        return cv2.imencode(suffix, pixels[..., 0] if grey else pixels)[1].tobytes()

    return write


def floats() -> bytes:
    file = io.BytesIO()
    Image.fromarray(smooth()[..., 0].astype(np.float32)).save(file, "TIFF")
    return file.getvalue()


def small(form: str, width: int = 1, height: int = 1) -> Callable[[], bytes]:
    def write() -> bytes:
        file = io.BytesIO()
        Image.fromarray(smooth(width, height)).save(file, form)
        return file.getvalue()

    return write


def cut(form: str, share: float) -> Callable[[], bytes]:
    def write() -> bytes:
        whole = written(form)()
        return whole[: int(share * len(whole))]

    return write


def claiming(width: int, height: int) -> Callable[[], bytes]:
    """A small PNG whose header says that it is large."""

    def write() -> bytes:
        data = bytearray(written("PNG")())
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        return bytes(data)

    return write


def late_exif() -> bytes:
    """A PNG whose EXIF part comes after its pixels."""
    data, exif = written("PNG")(), Image.Exif()
    exif[ORIENTATION] = 6
    part = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + part
    chunk = struct.pack(">I", len(part)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:-12] + chunk + data[-12:]


FIRST = "file with several pictures, of which the first is read"
DEEP = r"has {} bits a channel, and nothing says which value is white.*mogrify -depth 8"
CUT = r"cannot be read as an image \(.*(missing|truncated|Truncated).*\); fetch or write the file"
OTHER = r"cannot be read as an image \(it is .*{}.*; known are JPEG, .*\); convert or replace it"

#: Read right, whatever the name says and whatever Pillow calls their colours.
READ = {
    **{f"{form} of {mode}": Kind(written(form, mode)) for form, mode in (
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
        *(("TIFF", mode) for mode in ("1", "L", "P", "RGB", "CMYK")),
        *(("BMP", mode) for mode in ("1", "L", "P", "RGB")),
        *(("PPM", mode) for mode in ("1", "L", "RGB")),
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
    )},
    "progressive JPEG": Kind(written("JPEG", progressive=True), suffix=".jpg"),
    "JPEG of RGB, not YCbCr": Kind(written("JPEG", keep_rgb=True), suffix=".jpg"),
    "palette with transparency": Kind(written("PNG", "P", transparency=3)),
    "grey with a transparent level": Kind(written("PNG", "L", transparency=30)),
    "16 levels": Kind(written("PNG", "P", bits=4)),
    **{f"TIFF, {how}": Kind(written("TIFF", compression=how), suffix=".tif")
       for how in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")},
    "fax": Kind(written("TIFF", "1", compression="group4"), suffix=".TIF"),
    "PNG called .jpg": Kind(written("PNG"), suffix=".jpg"),
    "JPEG called .png": Kind(written("JPEG"), suffix=".png"),
    "WEBP called .JPEG": Kind(written("WEBP"), suffix=".JPEG"),
    "BMP called .tiff": Kind(written("BMP"), suffix=".tiff"),
    "orientation by XMP alone": Kind(written("JPEG", xmp=XMP), suffix=".jpg", turns=False),
    "a broken EXIF part": Kind(written("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\xff"), suffix=".jpg"),
    "orientation 0": Kind(turned("JPEG", 0), suffix=".jpg", turns=False),
    "orientation 9": Kind(turned("JPEG", 9), suffix=".jpg", turns=False),
    **{f"{form} of 1 pixel": Kind(small(form)) for form in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")},
    "a strip 100 times as long": Kind(small("PNG", 100, 1)),
    **{f"{form} of two pictures": Kind(several(form), counted=FIRST)
       for form in ("PNG", "WEBP", "TIFF")},
}  # fmt: skip
#: Read turned by class folders; boxes and masks are asked for their frame.
TURNED = {
    **{f"{form}, orientation {number}": Kind(turned(form, number))
       for form in ("JPEG", "PNG", "WEBP", "TIFF") for number in range(2, 9)},
    "PNG with a late EXIF part": Kind(late_exif),
}  # fmt: skip
REFUSED = {
    "0 bytes": Kind(bytes, r"cannot be read as an image \(it has 0 bytes\); fetch or write"),
    "text": Kind(lambda: b"no picture", r"\(it does not begin as one; known are JPEG, .*fetch or"),
    "a web page": Kind(lambda: b"\n<!DOCTYPE html><p>404", OTHER.format("a web page")),
    "a Git LFS pointer": Kind(
        lambda: b"version https://git-lfs.github.com/spec/v1\n", OTHER.format("git lfs pull")
    ),
    "HEIC": Kind(lambda: b"\0\0\0\x18ftypheic" + bytes(99), OTHER.format("HEIC"), suffix=".jpg"),
    "AVIF": Kind(lambda: b"\0\0\0\x18ftypavif" + bytes(99), OTHER.format("AVIF"), suffix=".jpg"),
    "GIF": Kind(written("GIF", "P"), OTHER.format("GIF")),
    "animated GIF": Kind(several("GIF"), OTHER.format("GIF"), suffix=".jpg"),
    **{f"{form} cut at {share}": Kind(cut(form, share), CUT)
       for form in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "PPM") for share in (0.3, 0.7, 0.98)},
    "16-bit grey PNG": Kind(deep(".png", 16, grey=True), DEEP.format(16)),
    "16-bit PNG": Kind(deep(".png", 16), DEEP.format(16)),
    "12 bits in a 16-bit PNG": Kind(deep(".png", 12), DEEP.format(16)),
    "16-bit grey TIFF": Kind(deep(".tif", 16, grey=True), DEEP.format(16), suffix=".tif"),
    "16-bit TIFF": Kind(deep(".tif", 16), DEEP.format(16), suffix=".tif"),
    "16-bit PPM": Kind(deep(".ppm", 16), DEEP.format(16), suffix=".ppm"),
    "TIFF of floats": Kind(floats, r"is of mode 'F', not 8 bits of grey or colours; convert it"),
    "TIFF that fades out": Kind(
        written("TIFF", "RGBA"), r"OpenCV does not read this TIFF as Pillow .*'RGBA'.*; convert it"
    ),
    "PPM of 15 levels": Kind(
        lambda: b"P6\n2 2\n15\n" + bytes([15, 3, 9] * 4), "OpenCV does not read this PPM as"
    ),
    "a strip 101 times as long": Kind(
        small("PNG", 101, 1), r"101x1 pixels, more than 100 times as long as wide; cut it"
    ),
    "20,000 pixels a side": Kind(
        claiming(20_000, 20_000),
        r"20000x20000 pixels are more than 100000000; .* TRICKLIFT_MAX_PIXELS=400000000 in the env",
    ),
}  # fmt: skip
