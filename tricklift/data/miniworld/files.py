"""Write files below one folder and remember the hash of each."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_JPEG_QUALITY = 92


class Files:
    """A folder that is being filled.

    Attributes:
        hashes: SHA-256 of every file written so far, by its path below the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, str] = {}

    def write(self, name: str, data: bytes) -> None:
        """Write `data` to the path `name` (with forward slashes) below the folder."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.hashes[name] = hashlib.sha256(data).hexdigest()


def digest(hashes: dict[str, str]) -> str:
    """One SHA-256 over the names and hashes of all files."""
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def digest_of_tree(root: Path, leave_out: tuple[str, ...]) -> tuple[int, str]:
    """Number of files below `root`, and `digest` of them, read again.

    Args:
        root: The folder.
        leave_out: Names of files directly in `root` that do not count.
    """
    hashes = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in leave_out:
            hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return len(hashes), digest(hashes)


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
