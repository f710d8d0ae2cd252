"""One picture that shows what is in a MiniWorld, for the documentation."""

from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from tricklift.data.miniworld import voc
from tricklift.data.miniworld.store import MANIFEST, read_manifest
from tricklift.data.miniworld.vocabulary import CLASSES, PALETTE, SEG_CLASSES
from tricklift.errors import MissingFileError, UserError

_GAP = 4
_TILE = 160
_SHOWN = 5  # pictures a row of detection and segmentation


def preview(root: str | Path, path: str | Path) -> Path:
    """Write a sheet: two pictures a class, then detection with boxes, then segmentation with masks.

    Args:
        root: Folder of a complete MiniWorld.
        path: Picture to write (.png or .jpg).

    Returns:
        `path`.

    Raises:
        MissingFileError: There is no complete MiniWorld in `root`.
        UserError: The name of `path` is not that of a picture.
    """
    root, path = Path(root), Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"cannot write a picture to {path}; end the name in .png or .jpg")
    if read_manifest(root) is None:
        raise MissingFileError(f"no complete MiniWorld in {root} (no readable {MANIFEST})")
    rows = [*_classification(root), _detection(root), *_segmentation(root)]
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([_padded(row, row.shape[0] + _GAP, width) for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [] if path.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 85]
    done, data = cv2.imencode(path.suffix, sheet, options)
    assert done, f"OpenCV could not encode {path.suffix}"
    path.write_bytes(data.tobytes())
    return path


def _classification(root: Path) -> list[NDArray[np.uint8]]:
    """Two rows, a column a class, with the names of the classes in between."""
    columns = []
    for word in CLASSES:
        files = sorted((root / "imagenet" / "val" / word).glob("*.jpg"))
        name = np.full((24, 64, 3), 255, np.uint8)
        for line, part in enumerate(word.split("_")):
            _write(name, part, (1, 9 + 11 * line), 0.36)
        pictures = [_read(file) for file in (files * 2)[:2]]
        columns.append(np.concatenate([name, *pictures]))
    return [_beside(columns)]


def _detection(root: Path) -> NDArray[np.uint8]:
    folder = root / voc.FOLDER
    names = (folder / "ImageSets/Main/test.txt").read_text().split()
    return _beside([_with_boxes(folder, name) for name in names[:_SHOWN]])


def _with_boxes(folder: Path, name: str) -> NDArray[np.uint8]:
    image = _read(folder / f"JPEGImages/{name}.jpg")
    for item in ElementTree.parse(folder / f"Annotations/{name}.xml").iter("object"):
        label = CLASSES.index(item.findtext("name", ""))
        box = [int(item.findtext(f"bndbox/{tag}", "0")) - 1 for tag in _CORNERS]
        difficult = item.findtext("difficult") == "1"
        colour = (128, 128, 128) if difficult else PALETTE[len(SEG_CLASSES) - len(CLASSES) + label]
        cv2.rectangle(image, box[:2], box[2:], colour[::-1], 1)
    return _padded(image, _TILE, _TILE)


_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def _segmentation(root: Path) -> list[NDArray[np.uint8]]:
    """A row of pictures, and below it their masks (other is black)."""
    colours = np.array([(0, 0, 0), *PALETTE], np.uint8)[:, ::-1]
    pictures, masks = [], []
    for file in sorted((root / "ade/images/validation").glob("*.jpg"))[:_SHOWN]:
        labels = cv2.imread(str(root / f"ade/annotations/validation/{file.stem}.png"), 0)
        assert labels is not None, f"cannot read the mask of {file}"
        pictures.append(_padded(_read(file), 128, _TILE))
        masks.append(_padded(colours[labels], 128, _TILE))
    return [_beside(pictures), _beside(masks)]


def _read(file: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    assert image is not None, f"cannot read {file}"
    return image.astype(np.uint8)


def _write(image: NDArray[np.uint8], text: str, origin: tuple[int, int], size: float) -> None:
    cv2.putText(image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)


def _padded(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Put white to the right and below."""
    out = np.full((height, width, 3), 255, np.uint8)
    out[: image.shape[0], : image.shape[1]] = image
    return out


def _beside(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.concatenate(
        [_padded(image, image.shape[0], image.shape[1] + _GAP) for image in images], axis=1
    )
