"""Masks of every kind are read as they were written, or refused by name, before the first step."""

import numpy as np
import pytest
from odd_masks import COLOURS, READ, REFUSED, coloured, laid, quantised
from PIL import Image

from seg.mask_values import MaskValues
from seg.masks import read_mask

LOAD = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}]
CLASSES = {"classes": ("ground", "cat", "dog")}


def write(ade, writer, suffix, ids):
    """Both masks by one writer, and nothing else in the folder."""
    for name in ("a", "b"):
        old = ade.root / f"annotations/training/{name}.png"
        old.unlink()
        writer(old.with_suffix(suffix), ids)


def build(ade, suffix=".png", **options):
    settings = dict(pipeline=LOAD, metainfo=CLASSES, reduce_zero_label=False, test_mode=True)
    settings["serialize_data"] = False  # mmengine collects garbage to do it: 0.3 s
    return ade.build(**{**settings, "seg_map_suffix": suffix, **options})


def labels(dataset, index=0):
    return dataset[index]["data_samples"].gt_sem_seg.data.numpy()[0]


@pytest.mark.parametrize("kind", READ)
def test_ids_are_read_as_they_were_written(ade, kind):
    suffix, writer, highest = READ[kind]
    ids = laid(highest=highest)
    write(ade, writer, suffix, ids)
    np.testing.assert_array_equal(labels(build(ade, suffix.lower())), ids)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_ids_is_refused(ade, kind):
    suffix, writer, said = REFUSED[kind]
    write(ade, writer, suffix, laid())
    with pytest.raises(ValueError, match=rf"(?s)a\{suffix}: .*{said}"):
        build(ade, suffix)


VALUES = [
    ({0: 0, 255: 1}, lambda path, ids: Image.fromarray(ids * 255).save(path)),
    ({"0": 0, "255": 1}, lambda path, ids: Image.fromarray(ids * 255).save(path)),
    ({0: 0, 1000: 1}, lambda path, ids: Image.fromarray(ids.astype(np.uint16) * 1000).save(path)),
    ({"#000000": 0, "#800000": 1}, coloured),
    ({(0, 0, 0): 0, (128, 0, 0): 1}, coloured),
    ({"0,0,0": 0, "128, 0, 0": 1}, coloured),
    ({"#000000": 0, "#800000": 1}, quantised),
]


@pytest.mark.parametrize(("values", "writer"), VALUES)
def test_values_and_colours_become_what_the_config_says(ade, values, writer):
    ids = laid(highest=1)
    write(ade, writer, ".png", ids)
    dataset = build(ade, mask_values=values)
    np.testing.assert_array_equal(labels(dataset), ids)
    swapped = build(ade, mask_values={k: 1 - v for k, v in values.items()})
    np.testing.assert_array_equal(labels(swapped), 1 - ids)


def test_a_colour_may_be_ignored_and_others_are_not_guessed(ade):
    ids = laid()
    write(ade, coloured, ".png", ids)
    known = {colour: label for label, colour in COLOURS.items()}
    np.testing.assert_array_equal(labels(build(ade, mask_values=known)), ids)
    del known[(0, 128, 0)]
    with pytest.raises(ValueError, match=r"a.png: holds the colours #008000, which mask_values "):
        build(ade, mask_values=known)


def test_other_labels_follow_the_values(ade):
    """Values come first, then `reduce_zero_label`, then mmseg's `label_map`."""
    write(ade, coloured, ".png", laid())
    known = {colour: label for label, colour in COLOURS.items()}
    dataset = build(
        ade, mask_values=known, reduce_zero_label=True, metainfo={"classes": ("cat", "dog")}
    )
    wanted = np.array([255, 0, 1, *[255] * 253], np.uint8)[laid()]
    np.testing.assert_array_equal(labels(dataset), wanted)


@pytest.mark.parametrize(
    "given",
    [{"red": 1}, {0: 0, "#ff0000": 1}, {0: 300}, {0: "cat"}, {"0": 0, 0: 1}, {"256,0,0": 1}],
)
def test_values_that_mean_nothing(given):
    with pytest.raises(ValueError, match=r"mask_values"):
        MaskValues.of(given)


def test_ids_that_start_at_1(ade):
    write(ade, lambda path, ids: Image.fromarray(ids % 2 + 1).save(path), ".png", laid())
    names = {"classes": ("cat", "dog")}
    with pytest.raises(ValueError, match=r"ids 2 are above the 2 .*set reduce_zero_label=True if"):
        build(ade, metainfo=names)
    dataset = build(ade, metainfo=names, reduce_zero_label=True)
    np.testing.assert_array_equal(labels(dataset), laid() % 2)


def test_masks_that_teach_nothing_are_counted(ade):
    Image.fromarray(laid()).save(ade.mask("a"))
    ade.mask("b", (255,))
    dataset = build(ade, metainfo={"classes": ("ground", "cat", "dog", "cow", "hen")})
    counts = dict(dataset.repairs.counts)
    assert counts == {"mask in which all is ignored": 1, "class that no mask holds": 2}
    assert dataset.repairs.first["class that no mask holds"] == "cow"
    # of a part of the masks, nobody knows
    dataset = build(ade, metainfo=CLASSES, checked_masks=1)
    assert not dataset.repairs.counts


def test_images_without_masks(ade):
    (ade.root / "annotations/training/b.png").rename(ade.root / "annotations/training/b.tif")
    with pytest.raises(FileNotFoundError, match=r"b.tif is there: all masks need one suffix"):
        build(ade)
    dataset = build(ade, images_without_masks="skip")
    assert len(dataset) == 1 and dataset.repairs.counts["image without a mask left out"] == 1
    with pytest.raises(ValueError, match=r"no image of .*training has a mask NAME.gif in"):
        ade.mask("b").rename(ade.root / "annotations/training/c.gif")
        build(ade, ".gif", images_without_masks="skip")
    with pytest.raises(ValueError, match="images_without_masks must be one of error, skip; got 1"):
        build(ade, images_without_masks=1)


def test_two_masks_of_one_image(ade):
    mask = ade.root / "annotations/training/b.png"
    mask.with_suffix(".PNG").write_bytes(mask.read_bytes())
    with pytest.raises(ValueError, match=r"b.PNG and b.png are of one image; remove one of them"):
        build(ade)


@pytest.mark.parametrize("orientation", [1, 2, 3, 6])
@pytest.mark.parametrize("side", [60, 80])
def test_masks_of_pictures_that_exif_data_turn(ade, orientation, side):
    """A mask in the frame as stored is refused, and so is one that may be in either."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a", "b"):
        path = ade.root / f"images/training/{name}.jpg"
        Image.fromarray(np.zeros((60, side, 3), np.uint8)).save(path, exif=exif)
        Image.fromarray(laid(side, 60)).save(ade.mask(name))
    if orientation == 1:
        assert labels(build(ade)).shape == (60, side)
        return
    with pytest.raises(ValueError, match=rf"a.png: .*EXIF orientation {orientation} of .*a.jpg"):
        build(ade)
    if orientation == 6 and side != 60:  # the sides say that the mask is turned as the picture is
        for name in ("a", "b"):
            Image.fromarray(laid(60, side)).save(ade.mask(name))
        assert labels(build(ade)).shape == (side, 60)


def test_a_step_of_the_pipeline_that_contradicts_the_set(ade):
    step = {"type": "LoadAnnotations", "reduce_zero_label": True}
    with pytest.raises(ValueError, match=r"reduce_zero_label is True, and that of the data set is"):
        build(ade, pipeline=[LOAD[0], step])[0]


def test_mmseg_reads_few_bits_and_many_otherwise(tmp_path):
    """Why masks are not read by mmseg: ids of 4 bits become 17 times as large."""
    suffix, writer, highest = READ["4-bit PNG"]
    writer(tmp_path / f"a{suffix}", laid(highest=highest))
    assert set(np.unique(np.asarray(Image.open(tmp_path / f"a{suffix}")))) == {0, 17}
    assert set(np.unique(read_mask(tmp_path / f"a{suffix}"))) == {0, 1}


def test_opencv_in_a_config_does_not_change_the_ids(ade):
    """It would hand on the colours of a palette."""
    suffix, writer, _ = READ["palette"]
    write(ade, writer, suffix, laid())
    step = {"type": "LoadAnnotations", "imdecode_backend": "cv2"}
    np.testing.assert_array_equal(labels(build(ade, pipeline=[LOAD[0], step, LOAD[2]])), laid())
