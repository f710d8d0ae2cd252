"""What the metric says of each class is what its mean is made of."""

import pytest
import torch
from mmseg.registry import METRICS

import seg


def test_iou_of_each_class():
    """Road: 2 pixels in common of 4; sky: 1 of 3; no ship anywhere, so the mean is 41.67."""
    metric = METRICS.build({"type": "IoUMetric", "iou_metrics": ["mIoU"]})
    assert type(metric) is seg.IoUMetric  # whatever config names it
    metric.dataset_meta = {"classes": ("road", "sky", "ship")}
    mask, predicted = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 0])
    areas = metric.intersect_and_union(predicted, mask, 3, 255)
    found = metric.compute_metrics([areas])
    assert metric.per_class["miou"] == pytest.approx({"road": 50.0, "sky": 100 / 3})
    assert found["mIoU"] == pytest.approx(41.67)
