"""How far answers are from each other, against values computed by hand."""

import numpy as np
import pytest

from tricklift.report import disagreement
from tricklift.report.disagreement import (
    best_score,
    f1_of,
    match,
    of_boxes,
    of_classes,
    of_maps,
    overlap,
)

CAT, DOG = 0, 1
#: Two cats of 10x10 pixels, and a dog that is ignored.
TRUTH = [[0, 0, 10, 10, CAT, 0], [20, 0, 30, 10, CAT, 0], [40, 0, 50, 10, DOG, 1]]


def test_overlap():
    assert overlap([0, 0, 10, 10], [0, 0, 10, 10]) == 1
    assert overlap([0, 0, 10, 10], [5, 0, 15, 10]) == pytest.approx(50 / 150)
    assert overlap([0, 0, 10, 10], [10, 0, 20, 10]) == 0


def test_boxes_are_right_wrong_or_ignored():
    boxes = [
        [0, 0, 10, 9, CAT, 0.9],  # IoU 0.9: right
        [1, 0, 10, 10, CAT, 0.8],  # the same cat again: wrong
        [40, 0, 50, 10, DOG, 0.7],  # the ignored dog: neither
        [20, 0, 30, 10, DOG, 0.6],  # a cat called dog: wrong
        [20, 0, 30, 10, CAT, 0.29],  # not sure enough to count
    ]
    found = match(boxes, TRUTH)
    assert found.right == [True, False, None, False] and found.missed == [TRUTH[1]]
    assert found.f1 == 2 * 1 / (2 * 1 + 2 + 1)  # one hit, two wrong, one missed


def test_an_overlap_of_one_half_is_enough():
    """10x10 beside 10x5: 50 of 100 pixels."""
    assert match([[0, 0, 10, 5, CAT, 1]], TRUTH[:1]).right == [True]
    assert match([[0, 0, 10, 4.9, CAT, 1]], TRUTH[:1]).right == [False]


def test_nothing_there_and_nothing_found_is_right():
    assert match([], []).f1 == 1 and match([], TRUTH[:1]).f1 == 0


def image(boxes, truth=TRUTH):
    return {"boxes": boxes, "truth": truth}


def test_rows_differ_by_f1():
    """Both cats: F1 1. One cat: 2 / (2 + 0 + 1) = 2/3."""
    both = [[0, 0, 10, 10, CAT, 0.9], [20, 0, 30, 10, CAT, 0.9]]
    assert (f1_of(image(both)), f1_of(image(both[:1]))) == (1, pytest.approx(2 / 3))
    # without a truth the first row stands for it
    assert of_boxes(image(both, None), image(both, None)) == 0
    assert of_boxes(image(both, None), image(both[:1], None)) == pytest.approx(1 - 2 / 3)


def test_the_score_of_a_row_is_where_its_f1_is_highest():
    """From 0.5: 1 hit of 2 objects, 2 / (1 + 2). From 0.2: 2 hits and 1 wrong, 4 / (3 + 2)."""
    boxes = [[0, 0, 10, 10, CAT, 0.5], [60, 0, 70, 10, CAT, 0.25], [20, 0, 30, 10, CAT, 0.2]]
    assert best_score([image(boxes)]) == 0.2
    assert best_score([image([*boxes[:2], [20, 0, 30, 10, CAT, 0.1]])]) == 0.1
    # two more that are wrong: 4 / (5 + 2) is less than 2 / 3
    more = [[80, 0, 90, 10, CAT, 0.2], [100, 0, 110, 10, CAT, 0.2]]
    assert best_score([image([*boxes, *more])]) == 0.3  # of all from 0.3 to 0.5, the usual one
    assert best_score([image([])]) == 0.3


@pytest.mark.parametrize(("one", "other", "want"), [(0, 0, 0), (0, 1, 1), (2, 0, 1), (1, 2, 0.5)])
def test_rows_differ_by_class(one, other, want):
    """The label is 0."""
    assert of_classes({"label": 0, "top1": one}, {"label": 0, "top1": other}) == want


def test_rows_differ_by_pixels():
    """Of 4 pixels one is ignored; of the other three, one differs."""
    one, other = np.array([[0, 1], [2, 3]]), np.array([[0, 1], [9, 9]])
    truth = np.array([[0, 1], [2, 255]])
    assert of_maps(one, other, truth) == pytest.approx(1 / 3)
    assert of_maps(one, other, None) == 1 / 2
    assert of_maps(one, other, np.full((2, 2), 255)) == 0
    assert disagreement.pixel_accuracy(other, truth) == pytest.approx(2 / 3)
