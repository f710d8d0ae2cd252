"""Data sets in Pascal VOC layout, on mmdet's reader, checked in full before training starts.

Deviation from mmdet's VOC configs: no box is hidden for being small. They pass
``filter_cfg=dict(bbox_min_size=32)``, which ignores ground truth under 32 pixels in training.
"""

from pathlib import Path
from typing import Any

from mmdet.datasets import VOCDataset, XMLDataset
from mmdet.registry import DATASETS
from mmengine.logging import print_log

from det.checks import WITHOUT_BOXES, Repairs, read_annotation, read_split
from tricklift.data.checks import check_each, on_first_rank, require
from tricklift.data.miniworld.vocabulary import CLASSES, PALETTE
from tricklift.errors import UserError


@DATASETS.register_module()
class CheckedXMLDataset(XMLDataset):
    """mmdet's VOC reader that checks every annotation and every image's header when it is built.

    Of several processes, rank 0 reads and checks, and the others get what it found.

    An item is what `XMLDataset` gives: boxes as 0-based ``(x1, y1, x2, y2)`` in pixels, `difficult`
    ones with ``ignore_flag=1``. The classes come from ``metainfo=dict(classes=...)`` or a subclass.

    Args:
        images_without_boxes: ``error``, or ``background`` to train and test on them as they are.
        border: Pixels by which a box may leave its image; it is clipped, and the log says so once.
        **kwargs: Of `mmdet.datasets.XMLDataset`: ``data_root``, ``ann_file``, ``data_prefix``, ...

    Raises:
        MissingFileError: The data folder, the list of images, an XML or an image is missing.
        UserError: See `det.checks.read_annotation`; one error lists up to ten findings.
    """

    #: Endings of images; of those that are there the first is read.
    suffixes = (".jpg", ".png")
    #: Name for ``tricklift prepare NAME``, or a sentence that says where the data come from.
    prepare = "put your data there (Annotations, ImageSets/Main, JPEGImages), or correct data_root"

    def __init__(self, images_without_boxes: str = "error", border: int = 2, **kwargs: Any) -> None:
        if images_without_boxes not in WITHOUT_BOXES:
            raise UserError(
                f"images_without_boxes must be one of {', '.join(WITHOUT_BOXES)}; "
                f"got {images_without_boxes!r}"
            )
        self.images_without_boxes = images_without_boxes
        self.border = border
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read and check all annotations of the split."""
        classes = tuple(self._metainfo.get("classes", ()))
        if not classes:
            raise UserError(f"{type(self).__name__} needs its classes; set metainfo.classes")
        self.cat2label = {name: label for label, name in enumerate(classes)}
        return on_first_rank(self._read_all)

    def _read_all(self) -> list[dict[str, Any]]:
        self._repairs = Repairs()
        require(self.sub_data_root, "data folder", self.prepare)
        names = read_split(self.ann_file, self.prepare)
        data: Any = check_each(names, self._read, f"annotations of {self.ann_file}")
        if self._repairs.counts:
            print_log(f"{self.ann_file}: {self._repairs}", logger="current", level=30)
        return data

    def _read(self, name: str) -> dict[str, Any]:
        xml = f"{self.sub_data_root}/{self.ann_subdir}/{name}.xml".replace("//", "/")
        stem = f"{self.sub_data_root}/{self.img_subdir}/{name}".replace("//", "/")
        files = [stem + suffix for suffix in self.suffixes]
        image = next((file for file in files if Path(file).is_file()), files[0])
        found = read_annotation(
            xml, image, tuple(self.cat2label), self.border, self.images_without_boxes, self._repairs
        )
        return {
            "img_id": name,
            "img_path": image,
            "xml_path": xml,
            "width": found.width,
            "height": found.height,
            "instances": self._parse_instance_info(found.root, minus_one=True),
        }


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
