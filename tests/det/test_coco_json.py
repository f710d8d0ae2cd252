"""COCO files: what is wrong with one is named with the file and the image."""

import json

import pytest
from own_data import coco_alone

from det.datasets import CheckedCocoDataset


@pytest.fixture
def coco(tmp_path):
    coco_alone(tmp_path)

    def read(change=None, **options):
        file = tmp_path / "boxes.json"
        if change is not None:
            held = json.loads(file.read_text())
            held = change(held) or held
            file.write_text(held if isinstance(held, str) else json.dumps(held))
        settings = {
            "data_root": str(tmp_path),
            "ann_file": "boxes.json",
            "data_prefix": {"img": "images"},
            "metainfo": {"classes": ("cat", "dog")},
        }
        dataset = CheckedCocoDataset(**{**settings, **options})
        return [dataset.get_data_info(i) for i in range(len(dataset))], dataset

    return read


def box(values, **more):
    def change(held):
        held["annotations"][0].update(bbox=values, **more)

    return change


def test_labels_follow_the_classes_not_the_ids(coco):
    items, _ = coco()
    assert len(items) == 16
    assert [i["bbox_label"] for i in items[0]["instances"]] == [0, 1]
    assert [i["bbox"] for i in items[0]["instances"]] == [[5.5, 5, 40.75, 70], [50, 5, 85.25, 70]]
    assert (items[0]["width"], items[0]["height"], items[0]["img_id"]) == (96, 80, 0)
    swapped, _ = coco(metainfo={"classes": ("dog", "cat")})
    assert [i["bbox_label"] for i in swapped[0]["instances"]] == [1, 0]


def test_crowds_are_ignored(coco):
    items, _ = coco(box([1, 1, 20, 20], iscrowd=1))
    assert [i["ignore_flag"] for i in items[0]["instances"]] == [1, 0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: "{", r"boxes.json: no JSON \(.*\); write the file again"),
        (lambda held: "[]", r"'images' must be a list of objects; a COCO file has images, anno"),
        (lambda held: held.pop("categories") and None, r"'categories' must be a list of objects"),
        (lambda held: held["images"].clear(), r"boxes.json lists no image"),
        (lambda held: held["images"].append(held["images"][0]), r"image id 0 is there twice"),
        (lambda held: held["images"][0].update(id=None), "has no 'id'; it must be a whole number"),
        (lambda held: held["images"][0].update(id=1.5), "has the 'id' 1.5; it must be a whole"),
        (lambda held: held["images"][0].update(id=True), "has the 'id' True; it must be a whole"),
        (lambda held: held["categories"][0].update(id=7), r"category id 7 is there twice; give"),
        (lambda held: held["categories"][0].pop("name") and None, "has no 'name'"),
        (lambda held: held["images"][0].pop("file_name") and None, r"image 0 has no 'file_name'"),
        (lambda held: held["images"][0].update(file_name=7), r"image 0 has no 'file_name'"),
        (
            lambda held: held["annotations"][0].update(category_id=[7]),
            r"has the 'category_id' \[7\]",
        ),
        (lambda held: held["annotations"][0].update(image_id="0"), r"of image '0', which it does"),
        (
            lambda held: held["annotations"][0].update(image_id=99),
            r"of image 99, which it does not",
        ),
        (
            lambda held: held["annotations"][0].update(category_id=1),
            r"image '0.png': category 1 is",
        ),
        (lambda held: held["categories"][0].update(name="cat"), r"two categories have one name"),
        (box([1, 2, 3]), r"image '0.png': 'bbox' is \[1, 2, 3\]; it must be \[x, y, width, height"),
        (box([1, 2, "3", 4]), r"'bbox' is \[1, 2, '3', 4\]"),
        (box([1, 2, float("nan"), 4]), r"'bbox' is \[1, 2, nan, 4\]"),
        (box([1, 2, float("inf"), 4]), r"'bbox' is \[1, 2, inf, 4\]"),
        (box([1, 2, 10**400, 4]), r"'bbox' is \[1, 2, 10+, 4\]"),
        (box([1, 2, True, 4]), r"'bbox' is \[1, 2, True, 4\]"),
        (box(None), r"image '0.png': 'bbox' is None; it must be"),
        (box([]), r"image '0.png': 'bbox' is \[\]; it must be"),
        (box([1, 1, 9, 9], iscrowd="0"), r"image '0.png': 'iscrowd' is '0', not a number; correct"),
        (lambda held: held["images"][0].update(width="96"), r"'0.png': 'width' is '96', not a num"),
        (lambda held: held["images"][0].update(height=float("nan")), r"'height' is nan, not a num"),
        (box([10, 10, -5, 5]), r"image '0.png': 'bbox' is \[10, 10, -5, 5\], with a negative side"),
        (box([90, 10, 10, 10]), r"leaves its image of 96x80 pixels by more than 2"),
        (lambda held: held["images"][0].update(width=48, height=40), r"image of 48x40 pixels, but"),
        (lambda held: held["images"][0].update(file_name="gone.png"), r"gone.png: no such image"),
        (lambda held: held["images"][1].update(file_name="0.png"), r"are of one image, .*0.png"),
    ],
)
def test_a_fault_is_named(coco, change, words):
    with pytest.raises(ValueError, match=words):
        coco(change)


def test_what_is_mended_is_counted(coco):
    items, dataset = coco(box([0.2, 0.2, 0.5, 20]))
    assert len(items[0]["instances"]) == 1
    assert "1 x box without area dropped" in str(dataset.repairs)
    items, dataset = coco(box([-1, 0, 98, 81]))
    assert items[0]["instances"][0]["bbox"] == [0, 0, 96, 80]
    assert "1 x box that leaves the image by up to 2 pixels clipped" in str(dataset.repairs)


MENDED = {
    "zero area": (box([5, 5, 0, 9]), "box without area dropped", 1),
    "no size": (
        lambda held: held["images"][0].pop("width") and None,
        "size in the annotation is missing or transposed",
        2,
    ),
    "a size of 0": (
        lambda held: held["images"][0].update(width=0, height=0),
        "size in the annotation is missing or transposed",
        2,
    ),
}


@pytest.mark.parametrize("kind", MENDED)
def test_what_is_mended_says_so(coco, kind):
    change, words, boxes = MENDED[kind]
    items, dataset = coco(change)
    assert len(items[0]["instances"]) == boxes
    assert str(dataset.repairs).startswith(f"1 x {words}")
    assert (items[0]["width"], items[0]["height"]) == (96, 80)


def floats(held):
    for entry in (*held["images"], *held["categories"]):
        entry["id"] = float(entry["id"])
    for entry in held["annotations"]:
        entry.update(image_id=float(entry["image_id"]), category_id=float(entry["category_id"]))


SAME = {
    "ids as tables write them": floats,
    "ids of annotations twice": lambda held: [a.update(id=1) for a in held["annotations"]] and None,
    "an area of 0 beside a box": lambda held: held["annotations"][0].update(area=0),
    "spaces around a class": lambda held: held["categories"][1].update(name=" cat "),
    "folders as Windows writes them": lambda held: held["images"][0].update(
        file_name="..\\images\\0.png"
    ),
    "crowd in words of JSON": box([5.5, 5, 35.25, 65], iscrowd=False),
    "a mark of UTF-8": lambda held: "\ufeff" + json.dumps(held),
}


@pytest.mark.parametrize("kind", SAME)
def test_it_is_read_the_same(coco, kind):
    wanted = [item["instances"] for item in coco()[0]]
    items, dataset = coco(SAME[kind])
    assert [item["instances"] for item in items] == wanted
    assert str(dataset.repairs) == ""


def test_other_classes_and_empty_images(coco):
    with pytest.raises(
        ValueError, match=r"unknown class 'dog'; known: cat; .*other_classes='skip'"
    ):
        coco(metainfo={"classes": ("cat",)})
    items, dataset = coco(metainfo={"classes": ("cat",)}, other_classes="skip")
    assert len(items) == 16 and "16 x object of class 'dog'" in str(dataset.repairs)

    def emptied(held):
        held["annotations"] = [a for a in held["annotations"] if a["image_id"] != 3]

    with pytest.raises(
        ValueError, match=r"image '3.png': no boxes; annotate the image, take it out"
    ):
        coco(emptied)
    assert len(coco(images_without_boxes="background")[0]) == 16
    items, dataset = coco(images_without_boxes="skip")
    assert len(items) == 15 and "1 x image without boxes skipped" in str(dataset.repairs)
