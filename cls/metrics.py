"""Top-1 and top-5 accuracy."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS


@METRICS.register_module()
class TopKAccuracy(BaseMetric):
    """Share of images in percent whose label is among the k best classes, k = 1 and 5.

    Reads ``dict(label=int, ranked=(5,))`` from the model, best class first, and reports
    ``accuracy/top1`` and ``accuracy/top5`` in 0..100.
    """

    default_prefix = "accuracy"

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Note for each image where its label stands among the best five (5: not there)."""
        for sample in data_samples:
            hits = (sample["ranked"] == sample["label"]).nonzero()
            self.results.append(int(hits[0]) if len(hits) else 5)

    def compute_metrics(self, results: list[int]) -> dict[str, float]:
        """Percentages over the whole set."""
        total = len(results)
        return {f"top{k}": 100 * sum(rank < k for rank in results) / total for k in (1, 5)}
