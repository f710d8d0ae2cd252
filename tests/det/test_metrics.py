"""What the metric says of each class is what its mean is made of."""

import numpy as np
import pytest
from mmdet.registry import METRICS

import det


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(len(rows), -1)


def truth(labels: list[int]) -> dict[str, np.ndarray]:
    """An image with the same box for each label."""
    none = np.zeros((0, 4), np.float32)
    held = np.tile(np.float32([0, 0, 9, 9]), (len(labels), 1))
    ignored = {"bboxes_ignore": none, "labels_ignore": np.zeros(0, int)}
    return {"labels": np.array(labels), "bboxes": held, **ignored}


@pytest.fixture
def metric():
    built = METRICS.build({"type": "VOCMetric", "metric": "mAP", "eval_mode": "11points"})
    built.dataset_meta = {"classes": ("cat", "dog", "owl")}
    return built


def test_every_config_that_names_the_metric_gets_ours(metric):
    assert type(metric) is det.VOCMetric


def test_average_precision_of_each_class(metric):
    """Cat is found; of two dogs one, so precision is 1 up to recall 0.5: 6 of 11 points; no owl."""
    nothing, hit, miss = np.zeros((0, 5), np.float32), (0, 0, 9, 9, 0.9), (50, 50, 60, 60, 0.8)
    results = [
        (truth([0, 1]), [boxes(hit), boxes(hit), nothing]),
        (truth([1]), [nothing, nothing, boxes(miss)]),
    ]
    found = metric.compute_metrics(results)
    assert metric.per_class["voc_map"] == pytest.approx({"cat": 100.0, "dog": 600 / 11})
    assert np.mean(list(metric.per_class["voc_map"].values())) == pytest.approx(100 * found["mAP"])
