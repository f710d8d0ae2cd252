"""The answers of all rows on the same images, and the images on which they differ most."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import nlargest
from itertools import combinations, zip_longest
from math import inf
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records import predictions
from tricklift.records.predictions import Predictions
from tricklift.report import disagreement
from tricklift.report.headline import highest
from tricklift.report.study import Study
from tricklift.report.thumbnails import read_map
from tricklift.tables.compare import TASKS, Line
from tricklift.tables.records import Record

Image = Mapping[str, Any]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Answers:
    """What the rows of one task answered on images that all of them have.

    Attributes:
        tier: Of the runs.
        task: cls, det or seg.
        said: Row's label -> what its first seed left.
        seeds: Row's label -> that seed.
        pair: The two rows that are shown first.
        left_out: Why other rows are not here, one line each.
        least: Of detectors, row's label -> the score from which its boxes are shown.
    """

    tier: str
    task: str
    said: Mapping[str, Predictions]
    seeds: Mapping[str, int | None]
    pair: Pair
    left_out: Sequence[str] = ()
    least: Mapping[str, float] = field(default_factory=dict)

    @property
    def any(self) -> Predictions:
        """Of one row: classes, palette and folder are the same for all."""
        return next(iter(self.said.values()))

    def images(self) -> dict[str, dict[str, Image]]:
        """Row's label -> name -> image, for the names that all rows have, in their order."""
        held = {label: predictions.named(said) for label, said in self.said.items()}
        common = set.intersection(*(set(images) for images in held.values()))
        return {label: {name: it[name] for name in sorted(common)} for label, it in held.items()}

    def pairs(self) -> list[Pair]:
        """Of rows, in their order."""
        return list(combinations(self.said, 2))


def of_study(study: Study) -> tuple[list[Answers], list[str]]:
    """The answers of each tier and task in which two rows left some, and what is not shown."""
    found, missing = [], []
    for tier in study.tiers:
        for task in TASKS:
            answers, left_out = _of_task(study, tier, task)
            if answers is not None:
                found.append(answers)
            else:
                missing += left_out
    return found, missing


def _of_task(study: Study, tier: str, task: str) -> tuple[Answers | None, list[str]]:
    said: dict[str, Predictions] = {}
    runs: dict[str, Record] = {}
    left_out = []
    for label, line in study.of_task(tier, task).items():
        run = min(line.runs[task], key=lambda it: (it["seed"] is None, it["seed"]))
        try:
            held = left_by(run.path.parent)
        except UserError as error:
            left_out.append(f"{label}: {error}")
            continue
        if held is None:
            left_out.append(
                f"{label}: {run.path.parent} holds no {predictions.FILES['val']}; a run of this "
                "version writes it, and 'tricklift test' in its folder"
            )
        else:
            said[label], runs[label] = held, run
    for label in _unusual({label: run.digest for label, run in runs.items()}):
        left_out.append(f"{label}: it read other data ({runs[label].digest})")
        del said[label]
    for label in _unusual({label: (held.split, held.folder) for label, held in said.items()}):
        where = f"{said[label].folder or 'a folder that is not known'}, {said[label].split}"
        left_out.append(f"{label}: it answered other images ({where})")
        del said[label]
    if len(said) < 2:
        return None, left_out
    seeds = {label: runs[label]["seed"] for label in said}
    least = {label: _least(held) for label, held in said.items()} if task == "det" else {}
    first = _first(study, tier, task, said)
    return Answers(tier, task, said, seeds, first, left_out, least), []


def _least(said: Predictions) -> float:
    known = all(image["truth"] is not None for image in said.images)
    return disagreement.best_score(said.images) if known else disagreement.SHOWN


def _unusual(of_rows: Mapping[str, Any]) -> list[str]:
    """Rows that have another value than most."""
    usual = Counter(of_rows.values()).most_common(1)
    return [label for label, value in of_rows.items() if value != usual[0][0]]


def _first(study: Study, tier: str, task: str, said: Mapping[str, Predictions]) -> Pair:
    """The baseline and the row that the answer speaks of, if both are here.

    Else the baseline, and of the other rows the one with the best metric, with its head if any is.
    """
    lines = {label: line for label, line in study.of_task(tier, task).items() if label in said}
    heads = study.baseline_lines(tier)
    own = [label for head in heads for label, line in lines.items() if line is head]
    one = own[0] if own else next(iter(lines))
    metric = {"cls": "top1", "det": "voc_map", "seg": "miou"}[task]
    spoken = study.compared(tier).get(str(highest(study, tier)[0]))

    def rank(label: str) -> tuple[bool, bool, bool, float]:
        seen = lines[label].observations(metric)
        same_head = lines[label].head(task) == lines[one].head(task)
        return (
            label not in own,
            same_head,
            _same_row(lines[label], spoken),
            seen.mean if seen else -inf,
        )

    return one, max((label for label in lines if label != one), key=rank)


def _same_row(line: Line, other: Line | None) -> bool:
    """Whether two lines are of one row; they may differ in their heads."""
    return other is not None and (
        line is other or (line.first.origin is not None and line.first.origin == other.first.origin)
    )


def left_by(work_dir: Path) -> Predictions | None:
    """What a run left; read once as long as its files stay the same."""
    files = [work_dir / name for name in predictions.FILES.values()]
    return _read(work_dir, tuple(it.stat().st_mtime_ns if it.is_file() else 0 for it in files))


@lru_cache(maxsize=64)
def _read(work_dir: Path, stamp: tuple[int, ...]) -> Predictions | None:
    return predictions.read(work_dir)


def differences(answers: Answers) -> dict[Pair, dict[str, float]]:
    """Pair of rows -> image -> how far their answers are from each other, 0 to 1."""
    held = answers.images()
    measure = MEASURES[answers.task](held, answers.least)
    return {
        pair: {name: measure(*pair, name) for name in held[pair[0]]} for pair in answers.pairs()
    }


Held = Mapping[str, Mapping[str, Image]]
Measure = Callable[[str, str, str], float]


def _between_boxes(held: Held, least: Mapping[str, float]) -> Measure:
    known = all(it["truth"] is not None for images in held.values() for it in images.values())
    if not known:
        return lambda one, other, name: disagreement.of_boxes(held[one][name], held[other][name])
    scores = {
        label: {name: disagreement.f1_of(image, least[label]) for name, image in images.items()}
        for label, images in held.items()
    }
    return lambda one, other, name: abs(scores[one][name] - scores[other][name])


def _between_classes(held: Held, least: Mapping[str, float]) -> Measure:
    return lambda one, other, name: disagreement.of_classes(held[one][name], held[other][name])


def _between_maps(held: Held, least: Mapping[str, float]) -> Measure:
    maps = {
        label: {name: map_of(image, "labels") for name, image in images.items()}
        for label, images in held.items()
    }
    truths = {name: map_of(it, "truth") for name, it in next(iter(held.values())).items()}
    return lambda one, other, name: disagreement.of_maps(
        maps[one][name], maps[other][name], truths[name]
    )


#: Task -> what measures a pair of rows on an image, given all their images and scores.
MEASURES: Mapping[str, Callable[[Held, Mapping[str, float]], Measure]] = {
    "cls": _between_classes,
    "det": _between_boxes,
    "seg": _between_maps,
}


def map_of(image: Image, key: str) -> Any:
    """A label map `(H, W)` of an image, of the size of its prediction; None without one."""
    if image[key] is None:
        return None
    found = read_map(predictions.png_bytes(image[key]))
    if key == "truth":
        like = read_map(predictions.png_bytes(image["labels"])).shape
        if found.shape != like:  # the run's pipeline left the two in different sizes
            rows, columns = map(_nearest, found.shape, like)
            found = found[rows][:, columns]
    return found


def _nearest(old: int, new: int) -> list[int]:
    return [place * old // new for place in range(new)]


def chosen(of_pairs: Mapping[Pair, Mapping[str, float]], first: Pair, count: int) -> list[str]:
    """The images that are shown: of the first pair the `count` largest differences, and ...

    ... as many again of the other pairs, the largest of each in turn. Only where rows differ.
    """
    largest = {
        pair: [name for name in nlargest(count, values, key=_order(values)) if values[name] > 0]
        for pair, values in of_pairs.items()
    }
    mine = largest.pop(first, None) or largest.pop((first[1], first[0]), [])
    others = [name for turn in zip_longest(*largest.values()) for name in turn if name]
    return list(dict.fromkeys([*mine, *others]))[: 2 * count]


def _order(values: Mapping[str, float]) -> Callable[[str], tuple[float, int]]:
    """By difference; equal ones in no order of names, which begin with classes."""
    return lambda name: (values[name], predictions.digest_of(name))
