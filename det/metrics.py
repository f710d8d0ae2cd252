"""mmdet's VOC metric, which also keeps what it finds for each class."""

from statistics import fmean
from typing import Any

from mmdet.evaluation.metrics import VOCMetric as Upstream
from mmdet.evaluation.metrics import voc_metric
from mmdet.registry import METRICS


@METRICS.register_module(force=True)
class VOCMetric(Upstream):
    """Average precision over the classes, as upstream, with that of each class in `per_class`.

    It takes the place of upstream's by name, so that every config that names it leaves a result
    with classes (`tricklift.records.results`), and the config's hash stays what it was.

    Attributes:
        per_class: Our name of the metric -> class -> AP in percent, the mean over IoU thresholds.
            A class without a box in the images is left out, as it is of the mean. On rank 0 alone.
    """

    per_class: dict[str, dict[str, float]]

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """The metrics of upstream, from results of all images."""
        seen: list[list[dict[str, Any]]] = []
        compute = voc_metric.eval_map

        def noting(*args: Any, **kwargs: Any) -> Any:
            mean, classes = compute(*args, **kwargs)
            seen.append(classes)
            return mean, classes

        # upstream drops what `eval_map` says of the classes, and to ask again takes as long again
        voc_metric.eval_map = noting
        try:
            metrics: dict[str, float] = super().compute_metrics(results)
        finally:
            voc_metric.eval_map = compute
        self.per_class = {}
        if seen and self.scale_ranges is None:  # with ranges, a class has an AP of each
            named = zip(self.dataset_meta["classes"], *seen, strict=True)
            self.per_class["voc_map"] = {
                name: 100 * fmean(float(it["ap"]) for it in of_thresholds)
                for name, *of_thresholds in named
                if of_thresholds[0]["num_gts"] > 0
            }
        return metrics
