"""Timing two things in turns, and what is kept of it."""

import gc
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

REPETITIONS = 5

Work = Callable[[], Any]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Lap:
    """Seconds of one repetition; `cpu`: processor's, of this process and the children it reaped."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Ratio:
    """Ours over the peer's, one value a repetition; above 1 we are better."""

    median: float
    min: float
    max: float


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes:
        bench: A name from `benchmarks.suite.BENCHES`.
        case: What was measured, and against what.
        ours: Median.
        unit: Of `ours` and `peer`.
        peer: Median; None where the target is an absolute one.
        ratio: How many times better ours is; None where there is no peer.
        target: In words.
        met: Whether the median reaches the target; None where none is set.
        cpu: Median processor seconds of ours and of the peer.
        wall: Median seconds of ours and of the peer.
        at: Of a point of a curve: where on the horizontal axis.
        split: Group of operators -> milliseconds of ours and of the peer in one call.
    """

    bench: str
    case: str
    ours: float
    unit: str
    peer: float | None = None
    ratio: Ratio | None = None
    target: str = ""
    met: bool | None = None
    cpu: dict[str, float] = field(default_factory=dict)
    wall: dict[str, float] = field(default_factory=dict)
    at: float | None = None
    split: dict[str, tuple[float, float]] = field(default_factory=dict)


def prefixed(words: str, say: Progress) -> Progress:
    """A sink that puts these words before each line."""

    def sink(text: str) -> None:
        say(f"{words}: {text}")

    return sink


def lap(work: Work) -> Lap:
    """Time one call. Garbage of what ran before is collected first, and none during."""
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), _cpu_seconds()
        work()
        return Lap(time.perf_counter() - wall, _cpu_seconds() - cpu)
    finally:
        gc.enable()


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def take_turns(
    contenders: dict[str, Work], repetitions: int = REPETITIONS, say: Progress = lambda text: None
) -> dict[str, list[Lap]]:
    """Time several things in turns, after one round that does not count.

    What slows the machine for a while so slows all of them, and a ratio within one round stands.

    Args:
        contenders: Name -> what to call; each does the same amount of work.
        repetitions: Rounds that count; at least 5 for a figure that is shown.
        say: Gets a line of progress.
    """
    laps: dict[str, list[Lap]] = {name: [] for name in contenders}
    for number in range(repetitions + 1):
        for name, work in contenders.items():
            say(f"round {number} of {repetitions}: {name}" if number else f"warming up: {name}")
            taken = lap(work)
            if number:
                laps[name].append(taken)
    return laps


def against(
    laps: dict[str, list[Lap]],
    peer: str,
    *,
    amount: float,
    at_least: float | None = None,
    ours: str = "ours",
    **known: Any,
) -> Finding:
    """Our rate against a peer's.

    Args:
        laps: What `take_turns` gave.
        peer: Name of the peer in it.
        amount: Units of work in one call.
        at_least: The ratio that is aimed at, None where the peer is shown for information.
        ours: Our name in `laps`.
        **known: ``bench``, ``case`` and ``unit`` (of the rate) of the `Finding`.
    """
    ratio = ratio_of(laps[ours], laps[peer])
    wall = {name: median(lap.wall for lap in laps[name]) for name in (ours, peer)}
    return Finding(
        ours=amount / wall[ours],
        peer=amount / wall[peer],
        ratio=ratio,
        target="" if at_least is None else f"at least {at_least:g} x",
        met=None if at_least is None else ratio.median >= at_least,
        cpu={name: median(lap.cpu for lap in laps[name]) for name in wall},
        wall=wall,
        **known,
    )


def at_most(limit: float, ours: float, unit: str, **known: Any) -> Finding:
    """A figure of ours that has a limit and no peer."""
    target = f"at most {limit:g} {unit}"
    return Finding(ours=ours, unit=unit, target=target, met=ours <= limit, **known)


def ratio_of(ours: Sequence[Lap], peer: Sequence[Lap]) -> Ratio:
    """The peer's time over ours, round by round."""
    values = [theirs.wall / own.wall for own, theirs in zip(ours, peer, strict=True)]
    return Ratio(median(values), min(values), max(values))


def kept_bytes(forward: Work) -> int:
    """What a forward pass, which returns its result, keeps for the backward pass."""
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        result = forward()  # alive until its saved tensors are counted
    del result
    return sum(sizes.values())
