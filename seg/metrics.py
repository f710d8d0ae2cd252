"""mmseg's IoU metric, which also keeps what it finds for each class."""

import math
from typing import Any

from mmseg.evaluation.metrics import IoUMetric as Upstream
from mmseg.registry import METRICS


@METRICS.register_module(force=True)
class IoUMetric(Upstream):
    """Intersection over union, as upstream, with that of each class in `per_class`.

    It takes the place of upstream's by name, so that every config that names it leaves a result
    with classes (`tricklift.records.results`), and the config's hash stays what it was.

    Attributes:
        per_class: Our name of the metric -> class -> IoU in percent. A class that is neither in the
            masks nor predicted is left out, as it is of the mean. On rank 0 alone.
    """

    per_class: dict[str, dict[str, float]]

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """The metrics of upstream, from areas of all images."""
        metrics: dict[str, float] = super().compute_metrics(results)
        self.per_class = {}
        if "mIoU" in metrics:
            areas = [sum(of_images) for of_images in zip(*results, strict=True)]
            found = self.total_area_to_metrics(*areas, self.metrics, self.nan_to_num, self.beta)
            named = zip(self.dataset_meta["classes"], found["IoU"], strict=True)
            self.per_class["miou"] = {
                name: 100 * float(value) for name, value in named if math.isfinite(value)
            }
        return metrics
