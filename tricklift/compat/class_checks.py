"""Classes of the data, of the heads and of a checkpoint, compared before the first step.

A label is a place in a list of names. Data in another order, or heads of another size, train and
test on without a word: mmdet and mmseg compare nothing (mmdet's `NumClassCheckHook` does, for those
who know of it, with the training set alone).
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop
from torch import nn

from tricklift.errors import UserError

#: Modules of mmdet and mmseg that tell all classes apart, by the last name of their path. Not among
#: them: proposals (one class), and heads for "things" or "stuff" alone.
HEADS = ("bbox_head", "decode_head", "auxiliary_head")
#: A head with classes of its own: borders of objects.
OWN_CLASSES = ("STDCHead",)
#: Parts of models whose sets may differ: names come as texts, or one detector tracks all objects.
OPEN = ("language_model", "text_encoder", "tracker")
MOST_SHOWN = 5


class ClassChecks(Hook):
    """Refuses a run whose sets, heads and checkpoint have other classes than each other.

    Raises:
        UserError: Names and counts that differ.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Compares the sets of this run with each other and with the model."""
        model = _plain(runner.model)
        if not _is_open(model):
            check_classes(_sets(runner), heads(model))

    def after_load_checkpoint(self, runner: Any, checkpoint: Mapping[str, Any]) -> None:
        """Compares them with what a checkpoint learnt, unless it only starts a training."""
        starts = _built(runner._train_loop) and not runner._resume
        if starts or _is_open(_plain(runner.model)):
            return
        (meta, *_) = _metas((checkpoint.get("meta") or {}).get("dataset_meta"))
        if learnt := meta.get("classes"):
            check_classes({"the training set of the checkpoint": learnt, **_sets(runner)}, {})


def check_classes(sets: Mapping[str, Sequence[str]], num_classes: Mapping[str, int]) -> None:
    """Compares the classes of data sets and the number of classes of heads.

    Args:
        sets: What to call a set -> its classes in the order of the labels.
        num_classes: Config key of a head's size -> its value.

    Raises:
        UserError: Sets differ from the first one, or a head has another number of classes.
    """
    if not sets:
        return
    first, wanted = next(iter(sets.items()))
    for name, classes in sets.items():
        if list(classes) != list(wanted):
            raise UserError(
                f"{name} has other classes than {first} ({_difference(classes, wanted)}); a label "
                "is a place in this list, so both need the same names in one order (set "
                "metainfo.classes, or rename the class folders)"
            )
    for key, number in num_classes.items():
        if number != len(wanted):
            raise UserError(
                f"{first} has {len(wanted)} classes, but {key} is {number}; set "
                f"{key}={len(wanted)}, or correct the classes of the data"
            )


def heads(model: nn.Module) -> dict[str, int]:
    """Config key and value of `num_classes` of each head in `HEADS`; without any, of the model."""
    found = {}
    for path, module in model.named_modules():
        name = next((part for part in path.split(".")[::-1] if not part.isdigit()), "")  # or a list
        number = getattr(module, "num_classes", None)
        if name in HEADS and isinstance(number, int) and type(module).__name__ not in OWN_CLASSES:
            found[f"model.{path}.num_classes"] = number
    number = getattr(model, "num_classes", None)
    return found or ({"model.num_classes": number} if isinstance(number, int) else {})


def install() -> None:
    """Make every data set of mmengine refuse a string for its classes. Idempotent."""
    upstream = BaseDataset._load_metainfo
    if not hasattr(upstream, "__wrapped__"):
        BaseDataset._load_metainfo = classmethod(_without_string(upstream.__func__))


def _without_string(upstream: Any) -> Any:
    @functools.wraps(upstream)
    def load(cls: type, metainfo: Any = None) -> dict[str, Any]:
        loaded: dict[str, Any] = upstream(cls, metainfo)
        if isinstance(word := loaded.get("classes"), str):
            raise UserError(
                f"{cls.__name__}: metainfo.classes is the string {word!r}, whose letters would be "
                f"the classes; write ({word!r},) with a comma for one class, or name a file that "
                "lists them"
            )
        return loaded

    return load


def _plain(model: nn.Module) -> nn.Module:
    inner: nn.Module = model.module if is_model_wrapper(model) else model  # type: ignore[assignment]
    return inner


def _is_open(model: nn.Module) -> bool:
    return any(hasattr(model, part) for part in OPEN)


def _built(loop: Any) -> bool:
    return isinstance(loop, BaseLoop)


def _sets(runner: Any) -> dict[str, Sequence[str]]:
    """What to call the set of each loop that this run has, and its classes, where it has any."""
    found = {}
    for name, words in {"train": "training", "val": "validation", "test": "test"}.items():
        loop = getattr(runner, f"_{name}_loop")
        data = getattr(getattr(loop, "dataloader", None), "dataset", None) if _built(loop) else None
        for number, meta in enumerate(_metas(getattr(data, "metainfo", None))):
            part = f"part {number} of " if number else ""
            what = f"{part}the {words} set {getattr(data, 'data_root', type(data).__name__)!r}"
            # Panoptic heads split the classes between them.
            if (classes := meta.get("classes")) and "thing_classes" not in meta:
                found[what] = classes
    return found


def _metas(metainfo: Any) -> list[Mapping[str, Any]]:
    """One description a part: a concatenation in mmdet has several where its parts differ."""
    return metainfo if metainfo and isinstance(metainfo, list) else [metainfo or {}]


def _difference(here: Sequence[str], there: Sequence[str]) -> str:
    """What is in one of two lists of classes only."""
    more, fewer = (sorted(set(a) - set(b)) for a, b in ((here, there), (there, here)))
    parts = [f"only here: {_shown(more)}"] if more else []
    parts += [f"missing here: {_shown(fewer)}"] if fewer else []
    return "; ".join(parts) or "the same names in another order"


def _shown(names: Sequence[str]) -> str:
    rest = len(names) - MOST_SHOWN
    return ", ".join(names[:MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
