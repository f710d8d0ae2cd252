"""Write files below one folder, and one digest of all that it holds."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_JPEG_QUALITY = 92


def write(root: Path, name: str, data: bytes) -> None:
    """Write `data` to the path `name` (with forward slashes) below `root`."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def digest_of_tree(root: Path, leave_out: tuple[str, ...]) -> tuple[int, str]:
    """Number of files below `root`, and one SHA-256 over the names and hashes of all of them.

    Args:
        root: The folder.
        leave_out: Names of files directly in `root` that do not count.
    """
    hashes = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and (name := path.relative_to(root).as_posix()) not in leave_out
    }
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))
    return len(hashes), hashlib.sha256(lines.encode()).hexdigest()


def encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3) uint8 BGR."""
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])


def encode_png(mask: NDArray[np.uint8]) -> bytes:
    """Encode (H, W) uint8 without loss."""
    return _encode(".png", mask, [])


def _encode(suffix: str, image: NDArray[np.uint8], options: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, image, options)
    assert done, f"OpenCV could not encode {image.shape} as {suffix}"
    return data.tobytes()
