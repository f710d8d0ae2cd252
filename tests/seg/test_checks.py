"""Every kind of bad segmentation input is one clear error when the dataset is built."""

import cv2
import numpy as np
import pytest

LOAD = [
    {"type": "LoadImageFromFile"},
    {"type": "LoadAnnotations"},
    {"type": "PackSegInputs"},
]


def test_good_input_is_read_as_mmseg_reads_it(ade):
    dataset = ade.build(pipeline=LOAD)
    assert len(dataset) == 2
    item = dataset[0]
    assert tuple(item["inputs"].shape) == (3, 60, 80)
    # 0 is "other" and ignored, k is class k - 1
    assert set(np.unique(item["data_samples"].gt_sem_seg.data.numpy())) == {0, 1, 255}


def test_missing_folders(ade, tmp_path):
    prefix = {"img_path": "images/test", "seg_map_path": "annotations/training"}
    with pytest.raises(FileNotFoundError, match=r"no image folder '.*images/test'; put your data"):
        ade.build(data_prefix=prefix)
    prefix = {"img_path": "images/training", "seg_map_path": "masks"}
    with pytest.raises(FileNotFoundError, match=r"no mask folder '.*masks'"):
        ade.build(data_prefix=prefix)
    from seg.datasets import CamVidDataset

    with pytest.raises(FileNotFoundError, match=r"`tricklift prepare camvid --root DIR`"):
        CamVidDataset(data_root=str(tmp_path / "nowhere"), data_prefix=prefix)


def test_folder_without_images(ade):
    with pytest.raises(ValueError, match=r"holds no \*.jpeg; there are files with .jpg; set img_"):
        ade.build(img_suffix=".jpeg")


def test_missing_mask(ade):
    (ade.root / "annotations/training/b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"b.jpg: its mask .*b.png is missing; add it, or"):
        ade.build()


def test_mask_of_another_size(ade):
    ade.mask("a", width=79)
    with pytest.raises(ValueError, match=r"a.png: the mask has 79x60 pixels, its image 80x60"):
        ade.build()


def test_coloured_mask(ade):
    colours = np.zeros((60, 80, 3), np.uint8)
    colours[:30] = (0, 0, 128)  # OpenCV writes blue, green, red
    cv2.imwrite(str(ade.root / "annotations/training/a.png"), colours)
    with pytest.raises(ValueError, match=r"holds the colours #000000, #800000 .*mask_values={"):
        ade.build()


def test_label_above_the_class_count(ade):
    ade.mask("b", (0, 1, 2, 3, 9, 255))
    with pytest.raises(
        ValueError,
        match=r"b.png: label ids 3, 9 are above the 2 classes \(0 is ignored, 1..2 are classes",
    ):
        ade.build()
    with pytest.raises(ValueError, match=r"label ids 2, 3, 9 are above .* \(0..1 are classes"):
        ade.build(reduce_zero_label=False, checked_masks=1_000)


def test_label_in_a_mask_that_was_not_looked_at_before(ade):
    ade.mask("b", (0, 1, 2, 9))
    dataset = ade.build(checked_masks=1, pipeline=LOAD)
    assert dataset[0]
    with pytest.raises(
        ValueError, match=r"b.png: label ids 9 are above the 2 classes \(0 is ignored, 1..2 are"
    ):
        dataset[1]


def test_label_that_the_pipeline_spoils(ade):
    classes = {"classes": ("background", "cat", "dog")}
    dataset = ade.build(pipeline=LOAD, reduce_zero_label=False, metainfo=classes)
    dataset.pipeline.transforms.insert(2, raise_twos)
    with pytest.raises(ValueError, match=r"a.png: label ids 7 are above the 3 classes \(0..2 are"):
        dataset[0]


def raise_twos(results):
    results["gt_seg_map"][results["gt_seg_map"] == 2] = 7
    return results


@pytest.mark.parametrize("file", ["images/training/a.jpg", "annotations/training/a.png"])
@pytest.mark.parametrize("cut", [0, 3, -30])
def test_unreadable_file(ade, file, cut):
    path = ade.root / file
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(
        ValueError, match=r"a.(jpg|png): cannot be read( as an image)? \(.*\); fetch"
    ):
        ade.build()


def test_no_classes(ade):
    with pytest.raises(ValueError, match=r"CheckedSegDataset needs its classes; set metainfo"):
        ade.build(metainfo={"classes": ()})


def test_what_label_0_means_must_be_said(ade):
    with pytest.raises(ValueError, match="CheckedSegDataset needs reduce_zero_label: True if"):
        ade.build(reduce_zero_label=None)


@pytest.mark.parametrize(("labels", "classes"), [((0, 1), 2), ((0, 1, 2, 255), 3), ((0, 2), 5)])
def test_masks_of_ids_from_0_are_not_shifted(ade, labels, classes):
    """The first class would be ignored, and every other one trained as its neighbour."""
    for name in ("a", "b"):
        ade.mask(name, labels)
    names = {"classes": tuple(f"c{i}" for i in range(classes))}
    with pytest.raises(ValueError, match=rf"never {classes}, .*set reduce_zero_label=False, or"):
        ade.build(metainfo=names)
    assert ade.build(metainfo=names, reduce_zero_label=False)
    # one class may be missing where nothing is learnt, and in masks that nobody looked at
    assert ade.build(metainfo=names, test_mode=True)
    assert ade.build(metainfo=names, checked_masks=0)


def test_a_rare_class_in_a_mask_that_was_not_looked_at_first(ade):
    ade.mask("a", (0, 1))
    assert ade.build(checked_masks=1)


@pytest.mark.parametrize("labels", [(0, 255), (0,), (255,)])
@pytest.mark.parametrize("classes", [("fg",), ("bg", "fg")])
@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("test_mode", [True, False])
def test_masks_without_a_class(ade, labels, classes, zero, test_mode):
    for name in ("a", "b"):
        ade.mask(name, labels)
    found = ", ".join(map(str, labels))
    with pytest.raises(ValueError, match=rf"masks of .*training hold the label ids {found} alone"):
        ade.build(metainfo={"classes": classes}, reduce_zero_label=zero, test_mode=test_mode)


def test_classes_as_a_string(ade):
    with pytest.raises(ValueError, match=r"is the string 'cat', .* write \('cat',\) with a comma"):
        ade.build(metainfo={"classes": "cat"})


@pytest.mark.parametrize("suffix", [".png", ".jpeg", ".JPG", ".webp", ".bmp", ".tif"])
def test_images_of_any_suffix_are_found(ade, suffix):
    image = ade.root / "images/training/b.jpg"
    cv2.imwrite(str(image.with_suffix(suffix)), cv2.imread(str(image)))
    image.unlink()
    dataset = ade.build(pipeline=LOAD)
    names = [dataset.get_data_info(i)["img_path"].rpartition("/")[2] for i in range(len(dataset))]
    assert names == ["a.jpg", f"b{suffix}"] and dataset[1]


def test_a_mask_without_an_image_is_counted(ade):
    ade.mask("c")
    dataset = ade.build()
    assert len(dataset) == 2
    assert dataset.repairs.lines() == [
        f"1 x mask without an image passed over (first: {ade.root}/annotations/training/c.png)"
    ]


def test_two_images_of_one_mask(ade):
    image = ade.root / "images/training/b.jpg"
    image.with_suffix(".png").write_bytes(image.read_bytes())
    with pytest.raises(ValueError, match=r"b.jpg and b.png share the mask b.png; rename or remove"):
        ade.build()


def test_names_with_endings_of_their_own(ade):
    for name in ("a", "b"):
        image, mask = (ade.root / f"{d}/training/{name}" for d in ("images", "annotations"))
        image.with_suffix(".jpg").rename(image.with_name(f"{name}_rgb.jpg"))
        mask.with_suffix(".png").rename(mask.with_name(f"{name}_ids.png"))
    dataset = ade.build(img_suffix="_rgb.jpg", seg_map_suffix="_ids.png")
    assert len(dataset) == 2 and not dataset.repairs.counts


def test_a_list_of_images(ade):
    (ade.root / "list.txt").write_text("b\n")
    for line in ("b", "b.jpg"):
        (ade.root / "list.txt").write_text(f"{line}\n")
        dataset = ade.build(ann_file="list.txt")
        assert [dataset.get_data_info(0)["img_path"]] == [f"{ade.root}/images/training/b.jpg"]
    (ade.root / "list.txt").write_text("gone\n")
    with pytest.raises(FileNotFoundError, match=r"training/gone: no such image, whatever its suff"):
        ade.build(ann_file="list.txt")
