"""Data sets in Pascal VOC and COCO layout, checked in full before training starts.

Deviation from mmdet's VOC configs: no box is hidden for being small. They pass
``filter_cfg=dict(bbox_min_size=32)``, which ignores ground truth under 32 pixels in training.
"""

from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset, VOCDataset, XMLDataset
from mmdet.registry import DATASETS
from mmengine.logging import print_log

from det import coco_json, voc_xml
from det.checks import Rules
from det.voc_list import find_picture, find_xml, read_names
from det.xml_file import parse
from tricklift.data.checks import SKIPPED, check_each, on_first_rank, require
from tricklift.data.files import Pictures, Repairs
from tricklift.data.miniworld.vocabulary import CLASSES, PALETTE
from tricklift.errors import UserError


class CheckedBoxes(BaseDetDataset):
    """What the checked data sets of boxes share.

    Everything is read and checked when the set is built; of several processes, rank 0 reads, and
    the others get what it found. The classes come from ``metainfo=dict(classes=...)`` or a
    subclass. What is mended or left out is counted in `repairs`, and the log says so once.

    Args:
        images_without_boxes: ``error``; ``background`` to train and test on them as they are; or
            ``skip``.
        other_classes: ``error`` where an object's class is not among `classes`; or ``skip``.
        border: Pixels by which a box may leave its image; it is clipped.
        on_bad_image: ``error`` where a picture cannot be read, or would be read wrongly
            (`tricklift.data.pictures`); or ``skip``.
        **kwargs: Of the mmdet class: ``data_root``, ``ann_file``, ``data_prefix``, ...

    Raises:
        MissingFileError: The data folder, the list, an annotation or an image is missing.
        UserError: What `det.checks`, `det.voc_xml` and `det.coco_json` refuse; one error lists up
            to ten findings.
    """

    #: Name for ``tricklift prepare NAME``, or a sentence that says where the data come from.
    prepare = "put your data there, or correct data_root"

    def __init__(
        self,
        images_without_boxes: str = "error",
        other_classes: str = "error",
        border: int = 2,
        on_bad_image: str = "error",
        **kwargs: Any,
    ) -> None:
        self.on_bad_image = on_bad_image
        self.rules = Rules((), border, images_without_boxes, other_classes)
        self.repairs = Repairs()
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read and check all annotations of the split."""
        classes = tuple(self._metainfo.get("classes", ()))
        if not classes:
            raise UserError(f"{type(self).__name__} needs its classes; set metainfo.classes")
        self.cat2label = {name: label for label, name in enumerate(classes)}
        rules = self.rules
        self.rules = Rules(classes, rules.border, rules.without_boxes, rules.other_classes)
        data, self.repairs = on_first_rank(self._read_all)
        return data

    def _read_all(self) -> tuple[list[dict[str, Any]], Repairs]:
        self.repairs = Repairs()
        items, read = self._items()
        what = f"annotations of {self.ann_file}"
        found: Any = check_each(items, read, what, self.on_bad_image, self.repairs.note)
        if self.repairs.counts:
            print_log(f"{self.ann_file}: {self.repairs}", logger="current", level=30)
        data = [item for item in found if item is not None and item is not SKIPPED]
        paths = [item["img_path"] for item in data]
        if len(set(paths)) < len(paths):
            path = next(path for path in paths if paths.count(path) > 1)
            raise UserError(
                f"{self.ann_file}: two annotations are of one image, {path}; remove one"
            )
        if not data:
            raise UserError(f"{self.ann_file}: no image is left ({self.repairs}); add boxes")
        return data, self.repairs

    def _items(self) -> tuple[list[Any], Any]:
        """What is listed, and what reads one of it: None leaves it out. Each layout has its own."""
        raise NotImplementedError  # torch's data sets are no ABC, so abstractmethod would not hold


@DATASETS.register_module()
class CheckedXMLDataset(CheckedBoxes, XMLDataset):
    """mmdet's VOC reader that checks every annotation and every image's header when it is built.

    An item is what `XMLDataset` gives: boxes as 0-based ``(x1, y1, x2, y2)`` in pixels, `difficult`
    ones with ``ignore_flag=1``. A picture may have any suffix that OpenCV decodes: a line of the
    list finds it by its name, with or without suffix or folders, or the XML by its ``<filename>``.

    Args and Raises: see `CheckedBoxes`.
    """

    prepare = "put your data there (Annotations, ImageSets/Main, JPEGImages), or correct data_root"

    def _items(self) -> tuple[list[Any], Any]:
        root = Path(require(self.sub_data_root or ".", "data folder", self.prepare))
        pictures = Pictures(root / self.img_subdir)
        names = read_names(self.ann_file, pictures.folder, self.prepare, self.repairs)
        folder = root / self.ann_subdir
        return list(names), lambda name: self._read(name, names[name], folder, pictures)

    def _read(
        self, name: str, listed: str, folder: Path, pictures: Pictures
    ) -> dict[str, Any] | None:
        xml = find_xml(folder, name)
        root = parse(xml, self.repairs)
        image = find_picture(pictures, listed, voc_xml.picture_named(root), xml)
        found = voc_xml.read_annotation(root, xml, image, self.rules, self.repairs)
        remedy = "take it out of the ImageSets list"
        if found.empty and not self.rules.keeps_empty(str(xml), remedy, self.repairs):
            return None
        return {
            "img_id": name,
            "img_path": str(image),
            "xml_path": str(xml),
            "width": found.width,
            "height": found.height,
            "instances": self._parse_instance_info(found.root, minus_one=True),
        }


@DATASETS.register_module()
class CheckedCocoDataset(CheckedBoxes):
    """Boxes from a COCO JSON (``ann_file``), its pictures below ``data_prefix.img``; all checked.

    Boxes are ``(x1, y1, x2, y2)`` in pixels from 0, crowds have ``ignore_flag=1``. Labels follow
    `metainfo.classes`, whatever the ids of the categories are.

    Args and Raises: see `CheckedBoxes`.
    """

    prepare = "put your data there (a COCO JSON, and its images), or correct data_root and ann_file"

    def _items(self) -> tuple[list[Any], Any]:
        coco = coco_json.read(self.ann_file, self.prepare)
        folder = Path(self.data_prefix.get("img") or self.data_root or ".")
        return coco.images, lambda image: self._read(image, coco, folder)

    def _read(
        self, image: dict[str, Any], coco: coco_json.Coco, folder: Path
    ) -> dict[str, Any] | None:
        path = coco_json.picture_of(image, folder)
        item = coco_json.read_image(coco, image, path, self.rules, self.repairs)
        where, remedy = f"{self.ann_file}: image {image['file_name']!r}", "take it out of 'images'"
        if item["instances"] or self.rules.keeps_empty(where, remedy, self.repairs):
            return item
        return None


@DATASETS.register_module()
class MiniWorldDetDataset(CheckedXMLDataset):
    """MiniWorld's detection part: 12 classes of textured shapes, 128 to 160 pixels a side."""

    METAINFO = {"classes": CLASSES, "palette": list(PALETTE[-len(CLASSES) :])}  # noqa: RUF012
    prepare = "miniworld"


@DATASETS.register_module()
class BCCDDataset(CheckedXMLDataset):
    """Blood cells: 292 images of 640x480 pixels for training, 72 for test, 3 classes.

    Two of its 4,888 boxes have no area (one click); they are dropped.

    Source: github.com/Shenggan/BCCD_Dataset, MIT licence.
    """

    METAINFO = {  # noqa: RUF012
        "classes": ("RBC", "WBC", "Platelets"),
        "palette": [(220, 20, 60), (0, 0, 142), (255, 200, 0)],
    }
    prepare = "bccd"


@DATASETS.register_module()
class GroceriesDataset(CheckedXMLDataset):
    """Products on shelves: 1,500 images of 224x224 pixels for training, 1,014 for test, 25 classes.

    Each image shows one class; some products in the background have no box.

    Source: images Jund et al., The Freiburg Groceries Dataset, arXiv:1611.05799, with the authors'
    test split 0; boxes github.com/aleksandar-aleksandrov/groceries-object-detection-dataset.
    """

    METAINFO = {  # noqa: RUF012
        "classes": (
            *("beans", "cake", "candy", "cereal", "chips", "chocolate", "coffee", "corn", "fish"),
            *("flour", "honey", "jam", "juice", "milk", "nuts", "oil", "pasta", "rice", "soda"),
            *("spices", "sugar", "tea", "tomato_sauce", "vinegar", "water"),
        ),
    }
    prepare = "groceries"


@DATASETS.register_module()
class CheckedVOCDataset(CheckedXMLDataset, VOCDataset):
    """Pascal VOC 2007 and 2012, 20 classes, as mmdet's `VOCDataset`, with our checks.

    Source: Everingham et al., host.robots.ox.ac.uk/pascal/VOC.
    """

    prepare = "voc"
