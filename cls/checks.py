"""Compare the classes of a run's sets and model before the first step.

Labels follow each set's own sorted folder names: the third folder is class 2, whatever it is
called. So sets are comparable only where all of them have the same names.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from cls.model import ImageClassifier
from tricklift.errors import UserError

_MOST_SHOWN = 5


def check_classes(runner: Runner) -> None:
    """Compare the classes of the training and validation set with each other and the model.

    Data loaders are built as `Runner.train` builds them, in its order. Runs of other tasks are left
    alone, and sets that do not name their classes.

    Raises:
        UserError: The sets have other classes, or not as many as ``model.num_classes``.
    """
    model = classifier_of(runner)
    if model is not None:
        loops = {"training": runner.train_loop, "validation": runner.val_loop}
        compare(dict(named(loops)), model.num_classes)


def check_tested_classes(runner: Runner, checkpoint: str | Path, meta: Mapping[str, Any]) -> None:
    """Compare the classes of the test set with the model and those of a training checkpoint.

    Args:
        runner: Of the test.
        checkpoint: Which, for the message.
        meta: What the checkpoint says of its training (mmengine's ``meta``).

    Raises:
        UserError: As `check_classes`.
    """
    model = classifier_of(runner)
    if model is None:
        return
    learnt = (meta.get("dataset_meta") or {}).get("classes")
    known = {f"the training set of {checkpoint}": learnt} if learnt else {}
    compare({**known, **dict(named({"test": runner.test_loop}))}, model.num_classes)


def classifier_of(runner: Runner) -> ImageClassifier | None:
    """The run's model, if it is our classifier."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model if isinstance(model, ImageClassifier) else None


def named(loops: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str]]]:
    """What to call the set of each loop, and its classes, where it has any."""
    for name, loop in loops.items():
        data = None if loop is None else loop.dataloader.dataset
        classes = (getattr(data, "metainfo", None) or {}).get("classes")
        if classes:
            yield f"the {name} set {getattr(data, 'data_root', type(data).__name__)!r}", classes


def compare(sets: Mapping[str, Sequence[str]], num_classes: int) -> None:
    """Check that all sets have the classes of the first one, and as many as the model.

    Args:
        sets: What to call a set, with its folder -> its classes in the order of the labels.
        num_classes: Of the model.

    Raises:
        UserError: They differ; names what is in one of them only.
    """
    first = next(iter(sets), "")
    for where, classes in sets.items():
        if list(classes) != list(sets[first]):
            raise UserError(
                f"{where} has other classes than {first} ({difference(classes, sets[first])}); "
                "labels follow the sorted names of the folders, so both need the same ones"
            )
    if sets and len(sets[first]) != num_classes:
        found = len(sets[first])
        raise UserError(
            f"{first} has {found} classes, but model.num_classes is {num_classes}; set "
            f"model.num_classes={found}, or mend the folder"
        )


def difference(here: Sequence[str], there: Sequence[str]) -> str:
    """What is in one of two lists of classes only."""
    more, fewer = (sorted(set(a) - set(b)) for a, b in ((here, there), (there, here)))
    parts = [f"only here: {shown(more)}"] if more else []
    parts += [f"missing here: {shown(fewer)}"] if fewer else []
    return "; ".join(parts) or "the same names in another order"


def shown(names: Sequence[str]) -> str:
    """The first names of a list."""
    rest = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
