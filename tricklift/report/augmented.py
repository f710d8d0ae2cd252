"""What a training makes of its images, from a run's resolved config: a process of its own.

    python -m tricklift.report.augmented [--import FILE.py|MODULE] ... WORK_DIR ...

It prints one JSON object a work dir. It is a process because it imports OpenMMLab and sets seeds,
which whoever writes a report must not. The folder may be somebody else's: its config is read as
data, and is built of what provided configs are made of alone (`tricklift.compat.plain_configs`);
with `--import`, of whatever is registered by name.
"""

import argparse
import copy
import json
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records import training_items
from tricklift.records.plain_files import read_json
from tricklift.records.resolved_config import kept, read
from tricklift.records.schema import RESULT_FILE
from tricklift.report.batches import TASKS, Drawn

#: Images, and how often each of them is augmented.
IMAGES, DRAWS = 4, 2
#: Bytes that making them may take.
MOST_MEMORY = 1 << 30
#: Before each line of the answer: libraries print, too.
MARK = "augmented "


def shown(work_dir: Path, own_code: Sequence[str] = ()) -> dict[str, Any]:
    """The images of one run before and after.

    Args:
        work_dir: Of the run.
        own_code: Files and modules to import, which were named by whoever reads.

    Returns:
        columns: Titles, the untouched image first.
        rows_of_images: One an image, `{"name", "cells"}`; a cell is `{"address", "told"}`.
        notes: What is not shown.

    Raises:
        UserError: The run left nothing to show it from, or its config names other parts.
    """
    held = training_items.read(work_dir)
    items = [_moved(item, held["root"]) for item in held.get("items", ())]
    items = [item for item in items if os.path.isfile(item["img_path"])][:IMAGES]
    if not items:
        raise UserError("its images are not here; set TRICKLIFT_ROOT to the folder of the data")
    from mmengine.dataset import Compose
    from mmengine.registry import init_default_scope

    import tricklift.compat.setup  # noqa: F401  (makes OpenMMLab run here)

    record = read_json(work_dir / RESULT_FILE)
    task = str(record.get("task"))
    if task not in TASKS:
        raise UserError(f"a task {task!r} is none of {', '.join(TASKS)}; give a run of one of them")
    import_module(task)  # registers its parts
    pipeline, model, notes = _recipe(work_dir, record, own_code)
    init_default_scope(SCOPES[task])
    pipeline = Compose(pipeline)
    draw: Drawn = TASKS[task](model, held["classes"])
    with _bounded_memory():
        columns = [draw.before(items)]
        for seed in range(DRAWS):
            _seed(seed)
            columns += draw.after([pipeline(copy.deepcopy(item)) for item in items])
    titles = [title for title, _ in columns]
    rows = [
        {"name": Path(item["img_path"]).name, "cells": [cells[place] for _, cells in columns]}
        for place, item in enumerate(items)
    ]
    return {"columns": titles, "rows_of_images": rows, "notes": notes}


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """At most `MOST_MEMORY` more than now: a size in a config may ask for more than there is."""
    statm = Path("/proc/self/statm")
    if not statm.is_file():  # only Linux tells, and keeps to such a limit
        yield
        return
    import resource

    now = int(statm.read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _recipe(
    work_dir: Path, record: Mapping[str, Any], own_code: Sequence[str]
) -> tuple[list[Any], dict[str, Any], list[str]]:
    """The pipeline, what the model does to its images, and what is not shown, of a run's config.

    Raises:
        UserError: It names parts that are not known, or files and places that data may not.
    """
    from tricklift.compat.plain_configs import faults, with_tuples

    file = kept(work_dir, str(record.get("config")))
    if not file.is_file():
        raise UserError("it left no resolved config; put the .py file of its work dir back")
    whole = read(file)
    reads, notes = leaf(whole["train_dataloader"]["dataset"])
    parts = ("data_preprocessor", "mixup", "label_smoothing")
    model = {key: whole["model"][key] for key in parts if whole["model"].get(key)}
    types = _known(own_code)
    for part, name in ((reads["pipeline"], "pipeline"), (model, "model")):
        for place, said in faults(part, name, types):
            raise UserError(f"{place}: {said}; give --import with the code, if it is yours")
    return with_tuples(reads["pipeline"]), with_tuples(model), notes


def _known(own_code: Sequence[str]) -> Set[str]:
    """What may be built: with code of one's own, all that is registered by a plain name."""
    from mmengine.registry import MODELS, TRANSFORMS

    from tricklift.compat import imports
    from tricklift.compat.plain_configs import TYPES

    if not own_code:
        return TYPES
    imports.load(own_code)
    registries = [TRANSFORMS, MODELS, *TRANSFORMS.children.values(), *MODELS.children.values()]
    return TYPES.union(*(registry.module_dict for registry in registries))


def _moved(item: Mapping[str, Any], root: str) -> dict[str, Any]:
    """An item whose files lie below today's data root, where they lay below the run's."""
    today = os.path.abspath(os.environ.get("TRICKLIFT_ROOT") or root)
    return {
        key: today + value.removeprefix(root)
        if isinstance(value, str) and value.startswith(root + os.sep) and not os.path.exists(value)
        else value
        for key, value in item.items()
    }


def leaf(dataset: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """The config of the set that reads files, below those around it, and what these would add."""
    notes = []
    while inner := dataset.get("dataset") or dataset.get("datasets"):
        if dataset.get("pipeline"):
            notes.append(f"what {dataset.get('type')} makes of several images is not shown")
        inner = inner[0] if isinstance(inner, list | tuple) else inner
        if not isinstance(inner, Mapping):
            break
        dataset = inner
    return dataset, notes


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


#: Where OpenMMLab looks a task's parts up.
SCOPES = {"cls": "mmengine", "det": "mmdet", "seg": "mmseg"}


def main(arguments: Sequence[str]) -> None:
    """Prints what each run's training makes of its images, or why that is not known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--import", dest="own_code", action="append", default=[])
    parser.add_argument("work_dirs", nargs="*")
    given = parser.parse_args(arguments)
    for name in given.work_dirs:
        try:
            found = shown(Path(name), given.own_code)
        except Exception as error:  # any code of the user's may run in a pipeline
            lines = str(error).splitlines() or [""]
            found = {"error": f"{type(error).__name__}: {lines[0]}"}
        print(f"{MARK}{json.dumps({'work_dir': name, **found})}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
