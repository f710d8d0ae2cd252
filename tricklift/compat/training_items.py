"""Every training leaves a few of the items that its data set lists, for the report's pictures."""

import os
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log

from tricklift.records.data_identity import leaves_of
from tricklift.records.training_items import COUNT, write

__all__ = ["LeavesTrainingItems"]


class LeavesTrainingItems(Hook):
    """Writes them when the training begins, on rank 0; only files are named, none is read."""

    def before_train(self, runner: Any) -> None:
        """Writes the items of the first set that lists any."""
        if not is_main_process():
            return
        for leaf in leaves_of(runner.train_dataloader.dataset):
            if not hasattr(leaf, "get_data_info") or not len(leaf):
                continue
            items = [leaf.get_data_info(place) for place in places(len(leaf))]
            classes = [str(word) for word in (leaf.metainfo or {}).get("classes") or ()]
            root = os.path.abspath(os.environ.get("TRICKLIFT_ROOT", "data"))
            try:
                write(runner.work_dir, items, root, classes)
            except (OSError, TypeError) as error:
                print_log(f"no training items are kept: {error}", "current")
            return


def places(length: int) -> list[int]:
    """Of `COUNT` items, in the middle of equal parts of the set."""
    count = min(COUNT, length)
    return [(2 * part + 1) * length // (2 * count) for part in range(count)]
