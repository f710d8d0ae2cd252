"""NMS and soft NMS against plain loops written from the definitions."""

import math

import numpy as np
import pytest
import torch
from mmcv.ops import batched_nms, nms, soft_nms


def loop_iou(a: list[float], b: list[float], offset: int) -> float:
    """Overlap of two boxes x1 y1 x2 y2; 0 for two boxes without area."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    areas = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union else 0.0


def loop_nms(boxes: list[list[float]], scores: list[float], threshold: float, offset: int):
    order = sorted(range(len(boxes)), key=lambda i: -scores[i])
    kept: list[int] = []
    for i in order:
        if all(loop_iou(boxes[i], boxes[j], offset) <= threshold for j in kept):
            kept.append(i)
    return kept


def loop_soft_nms(boxes, scores, threshold, sigma, min_score, method, offset):
    scores = dict(enumerate(scores))
    kept, new_scores = [], []
    while scores:
        best = max(scores, key=lambda i: (scores[i], -i))
        kept.append(best)
        new_scores.append(scores.pop(best))
        for i in list(scores):
            iou = loop_iou(boxes[best], boxes[i], offset)
            if method == "gaussian":
                scores[i] *= math.exp(-(iou**2) / sigma)
            elif iou >= threshold:
                scores[i] *= 1 - iou if method == "linear" else 0
            if scores[i] < min_score:
                del scores[i]
    return kept, new_scores


def random_boxes(generator: torch.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes that overlap a good deal, in a 60 pixel square, and distinct scores."""
    corner = torch.rand(count, 2, generator=generator) * 40
    size = torch.rand(count, 2, generator=generator) * 18 + 2
    scores = torch.randperm(count, generator=generator).float().add(1) / (count + 1)
    return torch.cat([corner, corner + size], dim=1), scores


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_nms_equals_the_loop(generator, threshold, offset):
    boxes, scores = random_boxes(generator, 60)
    dets, kept = nms(boxes, scores, threshold, offset=offset)
    assert kept.tolist() == loop_nms(boxes.tolist(), scores.tolist(), threshold, offset)
    assert torch.equal(dets, torch.cat([boxes[kept], scores[kept, None]], dim=1))


def test_nms_of_the_example_in_mmcvs_docstring():
    boxes = np.array(
        [
            [49.1, 32.4, 51.0, 35.9],
            [49.3, 32.9, 51.0, 35.3],
            [49.2, 31.8, 51.0, 35.4],
            [35.1, 11.5, 39.1, 15.7],
            [35.6, 11.8, 39.3, 14.2],
            [35.3, 11.5, 39.9, 14.5],
            [35.2, 11.7, 39.7, 15.7],
        ],
        dtype=np.float32,
    )
    scores = np.array([0.9, 0.9, 0.5, 0.5, 0.5, 0.4, 0.3], dtype=np.float32)
    dets, kept = nms(boxes, scores, 0.6)
    assert len(kept) == len(dets) == 3  # as the docstring of mmcv.ops.nms says


def test_nms_limits(generator):
    boxes, scores = random_boxes(generator, 60)
    _, everything = nms(boxes, scores, 0.5)
    _, few = nms(boxes, scores, 0.5, max_num=3)
    assert few.tolist() == everything[:3].tolist()
    _, good = nms(boxes, scores, 0.5, score_threshold=0.6)
    assert good.tolist() == [i for i in everything.tolist() if scores[i] > 0.6]
    dets, none = nms(boxes, scores, 0.5, score_threshold=2.0)
    assert none.shape == (0,) and dets.shape == (0, 5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_nms_without_boxes(dtype):
    dets, kept = nms(torch.zeros(0, 4, dtype=dtype), torch.zeros(0, dtype=dtype), 0.5)
    assert dets.shape == (0, 5) and kept.shape == (0,) and kept.dtype == torch.int64


def test_nms_takes_mixed_and_half_types(generator):
    """Under autocast the boxes are float32 and the scores bfloat16; or both are bfloat16."""
    boxes, scores = random_boxes(generator, 40)
    scores = scores.bfloat16()
    boxes = boxes.bfloat16()
    expected = loop_nms(boxes.tolist(), scores.tolist(), 0.5, 0)
    for kind in (torch.float32, torch.float64, torch.bfloat16):
        assert nms(boxes.to(kind), scores, 0.5)[1].tolist() == expected


@pytest.mark.parametrize("split", [10000, 1])
def test_batched_nms_keeps_classes_apart(generator, split):
    boxes, scores = random_boxes(generator, 60)
    classes = torch.randint(0, 3, (60,), generator=generator)
    config = dict(type="nms", iou_threshold=0.4, split_thr=split)
    dets, kept = batched_nms(boxes, scores, classes, config)
    expected: list[int] = []
    for label in range(3):
        index = torch.nonzero(classes == label).flatten().tolist()
        chosen = loop_nms(boxes[index].tolist(), scores[index].tolist(), 0.4, 0)
        expected += [index[i] for i in chosen]
    expected.sort(key=lambda i: -scores[i].item())
    assert kept.tolist() == expected
    assert torch.equal(dets, torch.cat([boxes[kept], scores[kept, None]], dim=1))
    agnostic = batched_nms(boxes, scores, classes, config, class_agnostic=True)[1]
    if split > 60:
        assert agnostic.tolist() == loop_nms(boxes.tolist(), scores.tolist(), 0.4, 0)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("min_score", [0.001, 0.3])
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
def test_soft_nms_equals_the_loop(generator, method, min_score, offset):
    boxes, scores = random_boxes(generator, 50)
    dets, kept = soft_nms(boxes, scores, 0.3, 0.5, min_score, method, offset)
    index, values = loop_soft_nms(
        boxes.tolist(), scores.tolist(), 0.3, 0.5, min_score, method, offset
    )
    assert kept.tolist() == index
    torch.testing.assert_close(dets[:, :4], boxes[index])
    torch.testing.assert_close(dets[:, 4], torch.tensor(values), rtol=1e-5, atol=1e-6)


def test_soft_nms_by_hand():
    """Two boxes of 4 x 4 shifted by 2: overlap 8 / 24 = 1/3, so 0.8 * (1 - 1/3) = 0.5333."""
    boxes = torch.tensor([[0.0, 0, 4, 4], [2, 0, 6, 4], [20, 20, 24, 24]])
    dets, kept = soft_nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.3, method="linear")
    assert kept.tolist() == [0, 2, 1]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.7, 0.8 * 2 / 3]))


def test_soft_nms_of_boxes_without_area():
    """The example of mmcv's docstring: five are kept, the box with score 0 falls out."""
    boxes = [[4, 3, 5, 3], [4, 3, 5, 4], *[[3, 1, 3, 1]] * 4]
    scores = np.array([0.9, 0.9, 0.5, 0.5, 0.4, 0.0], dtype=np.float32)
    dets, kept = soft_nms(np.array(boxes, dtype=np.float32), scores, 0.6, sigma=0.5)
    assert len(kept) == len(dets) == 5


def test_soft_nms_keeps_the_best_box_whatever_its_score():
    dets, kept = soft_nms(torch.tensor([[0.0, 0, 4, 4]]), torch.tensor([0.01]), min_score=0.5)
    assert kept.tolist() == [0] and dets[0, 4] == torch.tensor(0.01)


def test_soft_nms_leaves_its_input_alone_and_takes_none(generator):
    boxes, scores = random_boxes(generator, 20)
    before = boxes.clone(), scores.clone()
    soft_nms(boxes, scores)
    assert torch.equal(boxes, before[0]) and torch.equal(scores, before[1])
    dets, kept = soft_nms(torch.zeros(0, 4), torch.zeros(0))
    assert dets.shape == (0, 5) and kept.shape == (0,)


def test_soft_nms_by_class(generator):
    boxes, scores = random_boxes(generator, 30)
    classes = torch.arange(30) % 2
    config = dict(type="soft_nms", iou_threshold=0.3, method="linear", min_score=0.05)
    dets, kept = batched_nms(boxes, scores, classes, config)
    expected = []
    for label in (0, 1):
        index = torch.nonzero(classes == label).flatten().tolist()
        chosen, values = loop_soft_nms(
            boxes[index].tolist(), scores[index].tolist(), 0.3, 0.5, 0.05, "linear", 0
        )
        expected += [(value, index[i]) for i, value in zip(chosen, values, strict=True)]
    expected.sort(reverse=True)
    assert kept.tolist() == [i for _, i in expected]
    torch.testing.assert_close(
        dets[:, 4], torch.tensor([value for value, _ in expected]), rtol=1e-4, atol=1e-5
    )
