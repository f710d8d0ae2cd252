"""Other people's checkpoints: which weights in them are the backbone's, every key accounted for.

Such a file does not say what it holds. Its weights lie in containers (`state_dict`, `model_ema`,
...), behind prefixes (`module.`, `backbone.`, ...), beside heads and optimizers. None of these is
looked for by name: a set of weights is wherever the keys of the network that was asked for are, in
the words of a library. Where there are two such sets (averaged and raw, teacher and student), the
user says which.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, zeros_like

from backbones.files import Checkpoint, abbreviated
from tricklift.errors import UserError, did_you_mean

#: Parts of keys that belong to heads, losses, queues and pictures, and to no backbone.
BESIDE = re.compile(
    r"(fc|fcs?\d*|heads?|head_dist|classifiers?|last_linear|logits|linear|lin|output|probe"
    r"|projector|projection|proj_head|projection_head|predictor|mlp|prototypes|queue|queue_ptr|queue_size"
    r"|centers?|neck|fpn|\w+_head|aux\w*|AuxLogits|online_linear|criterion|\w*loss\w*|metrics?"
    r"|train_\w+|val_\w+|\w*acc\w*|data_preprocessor|preprocessor|normalize|normalizer|mean|std"
    r"|n_averaged|steps|temperature|logit_scale)",
    re.IGNORECASE,
)
COUNTER = "num_batches_tracked"
#: Of the keys that are wanted, so many must be there for a set to be one that is named in errors.
ENOUGH = 0.2
OPTION = "--weights-from"


@dataclass(frozen=True)
class Found:
    """A set of weights within a file.

    Attributes:
        container: The key that it lies under, such as ``state_dict``; dotted where nested, '' where
            the file is nothing else.
        prefix: What stands before its keys, such as ``module.``.
        words: Whose names they have.
        state: Tensors in these names; the backbone's alone.
        missing: Keys that are wanted and not there.
        rest: What else lies behind the prefix.
    """

    container: str
    prefix: str
    words: str
    state: dict[str, Tensor] = field(repr=False)
    missing: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def label(self) -> str:
        """How `--weights-from` names it."""
        return ".".join(filter(None, (self.container, self.prefix.rstrip("._"))))


@dataclass(frozen=True)
class Account:
    """What was taken of a file and what was not; all of its keys are in here.

    Attributes:
        taken: The set.
        left_out: Keys of heads and the like.
        others: Labels of sets that were not asked for.
        beside: Containers without weights of a network, such as ``optimizer``.
        filled: How many counters of batch norm are not in it.
        head: Keys of the head, which a backbone has no use for and a classifier may have.
    """

    taken: Found
    left_out: tuple[str, ...]
    others: tuple[str, ...]
    beside: tuple[str, ...]
    filled: int
    head: tuple[str, ...]

    def __str__(self) -> str:
        where = [f"took {self.taken.container}" if self.taken.container else "took the weights"]
        where += [f"behind {self.taken.prefix!r}"] if self.taken.prefix else []
        said = [f"{' '.join(where)} ({len(self.taken.state)} tensors, {self.taken.words} names)"]
        for what, keys in (
            ("its head", self.head),
            ("left out", self.left_out),
            ("not taken", self.others),
            ("beside them", self.beside),
        ):
            said += [f"{what}: {abbreviated(keys, 6)} ({len(keys)})"] if keys else []
        said += [f"{self.filled} {COUNTER} are not in it and start at 0"] if self.filled else []
        return "; ".join(said)

    def as_data(self) -> dict[str, Any]:
        """For the result."""
        data = {
            "container": self.taken.container,
            "prefix": self.taken.prefix,
            "names": self.taken.words,
            "head": list(self.head),
            "left_out": list(self.left_out),
            "not_taken": list(self.others),
            "beside": list(self.beside),
            "filled": self.filled,
        }
        return {key: value for key, value in data.items() if value}


def take(
    weights: Checkpoint,
    wanted: Mapping[str, Mapping[str, Any]],
    heads: Mapping[str, Collection[str]],
    name: str,
    chosen: str | None,
) -> Account:
    """Find the weights of a network in a file that does not say what it holds.

    Args:
        weights: As `files.read_any` gives it, with its `sets`.
        wanted: Whose words -> the network's state dict in these.
        heads: Whose words -> keys of its head, which may be missing.
        name: Of the network, for the message.
        chosen: What `--weights-from` says, or None.

    Raises:
        UserError: No such weights; several sets of them, of which none was chosen; or keys that
            belong neither to the network nor to a head.
    """
    found: dict[tuple[str, str], Found] = {}
    for words, keys in wanted.items():
        for container, state in weights.sets.items():
            for one in _sets(container, state, words, keys, heads[words]):
                known = found.setdefault((container, one.prefix), one)
                if len(one.missing) < len(known.missing):
                    found[container, one.prefix] = one
    # What is not whole is refused by `check`, which names what is missing.
    whole = [one for one in found.values() if not one.missing]
    some = whole or sorted(found.values(), key=lambda one: len(one.missing))[:1]
    if not some:
        raise UserError(_nothing(weights, wanted, name))
    one = _chosen(some, weights.source, chosen)
    others = [other for other in found.values() if other is not one]
    state = weights.sets[one.container]
    theirs = [o.prefix for o in others if o.container == one.container and o.prefix != ""]
    outside = [key for key in state if not key.startswith(one.prefix) and not _in(key, theirs)]
    inside = [key for key in one.rest if not _in(one.prefix + key, theirs)]
    unknown = [key for key in inside if not _is_beside(key)]
    unknown += [key for key in outside if not _is_beside(_behind(key, one.prefix))]
    if unknown:
        raise UserError(
            f"{weights.source} holds weights of {name!r} ({one.label or 'all of it'}), and keys "
            f"that belong neither to it nor to a head ({len(unknown)}): {abbreviated(unknown)}; "
            "give weights of this very network, or a file without these keys"
        )
    keys = wanted[one.words]
    counters = [key for key in keys if key.endswith(COUNTER) and key not in one.state]
    one.state.update({key: zeros_like(keys[key], device="cpu") for key in counters})
    held = {one.container, *(other.container for other in others)}
    beside = [*weights.beside, *(container for container in weights.sets if container not in held)]
    return Account(
        one,
        tuple(f"{one.prefix}{key}" for key in inside) + tuple(outside),
        tuple(other.label for other in others),
        tuple(beside),
        len(counters),
        tuple(key for key in one.state if key in heads[one.words]),
    )


def _is_beside(key: str) -> bool:
    return bool(BESIDE.fullmatch(key.partition(".")[0]))


def _behind(key: str, prefix: str) -> str:
    """A key without the parts that it shares with the prefix of the weights."""
    for part in prefix.split("."):
        if not part or not key.startswith(f"{part}."):
            break
        key = key.removeprefix(f"{part}.")
    return key


def _in(key: str, prefixes: list[str]) -> bool:
    return any(key.startswith(prefix) for prefix in prefixes)


def _sets(
    container: str,
    state: Mapping[str, Tensor],
    words: str,
    wanted: Mapping[str, Any],
    head: Collection[str],
) -> Iterator[Found]:
    """Where in a state dict the wanted keys are, behind whatever prefix."""
    needed = [key for key in wanted if not (key.endswith(COUNTER) or key in head)]
    flat = {key.replace(".", "_"): key for key in wanted}  # mmcls's EMA has no dots
    prefixes: dict[str, None] = {}
    for anchor in {needed[0], needed[len(needed) // 2], needed[-1]}:
        for key in state:
            if f".{key}".endswith(f".{anchor}"):
                prefixes[key.removesuffix(anchor)] = None
            if "." not in key and key.endswith(f"_{anchor.replace('.', '_')}"):
                prefixes[key[: -len(anchor)]] = None
    for prefix in prefixes:
        names = flat if prefix.endswith("_") else {key: key for key in wanted}
        below = {
            key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)
        }
        own = {names[key]: value for key, value in below.items() if key in names}
        missing = tuple(key for key in needed if key not in own)
        if len(missing) <= (1 - ENOUGH) * len(needed):
            rest = tuple(key for key in below if key not in names)
            yield Found(container, prefix, words, own, missing, rest)


def _chosen(some: list[Found], source: str, given: str | None) -> Found:
    labels = [one.label or "(the file itself)" for one in some]
    fitting = some
    if given is not None:  # in whole, or by a part of its name
        fitting = [one for one in some if one.label == given.strip(".")]
        fitting = fitting or [one for one in some if given in one.label.split(".")]
    if len(fitting) == 1:
        return fitting[0]
    if given is None:
        raise UserError(
            f"{source} holds {len(some)} sets of these weights: {', '.join(labels)}; say which, "
            f"since nothing in the file does (averaged or raw, teacher or student): {OPTION} "
            f"{labels[0]}"
        )
    what = f"fits {len(fitting)} sets of weights" if fitting else "is no set of weights"
    raise UserError(
        f"{OPTION} {given!r} {what} in {source}; it holds {', '.join(labels)}"
        f"{did_you_mean(given, labels)}"
    )


def _nothing(weights: Checkpoint, wanted: Mapping[str, Any], name: str) -> str:
    keys = [key for state in weights.sets.values() for key in state] or weights.beside
    return (
        f"{weights.source} does not hold weights of {name!r} in the names of "
        f"{' or '.join(wanted)} (its keys: {abbreviated(keys)}); give weights of {name!r}, "
        "or set the backbone to what the file holds"
    )
