"""Reference results of a tier, shipped with tricklift, beside one's own: `compare --reference`.

Rows share a table only if they were measured in the same way. So each run of one's own must have
read the same data, by the same protocol, and downstream with the same recipe; else it is refused,
with what differs. The pretraining may have any recipe: that is what a row is.

A reference run of the very config and seeds of one's own gives way to it (status `repeated`): it is
the same experiment, and counted twice it would make intervals too narrow.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tricklift.errors import ListedError, UserError, did_you_mean
from tricklift.markdown import count
from tricklift.records import differences as trees
from tricklift.records.recipe import kept_recipe
from tricklift.tables.records import Record, with_one_name

FOLDER = Path(__file__).parent / "references"
#: The status of a reference run that one's own repeats.
REPEATED = "repeated"
#: In how table, plot and differences call a row of the reference.
MARK = "reference"
_PRETRAINING = "cls"
TASKS = (_PRETRAINING, "det", "seg")
#: Differences that a refusal lists; the others are counted.
MOST_LINES = 12


@dataclass(frozen=True)
class Reference:
    """The finished runs of a tier, as `python -m benchmarks reference` packed them.

    Attributes:
        tier: Its name.
        records: The runs, each with its `recipe_hash`.
        recipes: Hash -> what `tricklift.records.recipe.recipe_of` says.
    """

    tier: str
    records: Sequence[Record]
    recipes: dict[str, dict[str, Any]]

    def of_task(self, task: str) -> list[Record]:
        """The runs of a task."""
        return [record for record in self.records if record["task"] == task]


def names() -> list[str]:
    """The tiers of which reference results are shipped."""
    return sorted(file.stem for file in FOLDER.glob("*.json"))


def read(name: str) -> Reference:
    """The shipped reference results of a tier.

    Raises:
        UserError: There are none of that name.
    """
    if name not in names():
        raise UserError(
            f"--reference {name!r}: no results of that tier are shipped; there are: "
            f"{', '.join(names())}{did_you_mean(name, names())}"
        )
    held = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    records = [
        Record(Path(MARK) / name / path, {**data, "reference": name})
        for path, data in held["results"].items()
    ]
    return Reference(held["tier"], records, held["recipes"])


def beside(own: Sequence[Record], name: str) -> list[Record]:
    """One's own runs, then the reference's, all of the reference's tier.

    Raises:
        UserError: No such reference, or a finished run of one's own was measured in another way;
            says which and what differs.
    """
    reference = read(name)
    refuse_other(own, reference)
    mine = {_experiment(record) for record in own if record.done}
    theirs = [
        Record(record.path, {**record.data, "status": REPEATED})
        if _experiment(record) in mine
        else record
        for record in reference.records
    ]
    of_tier = [Record(it.path, {**it.data, "tier": reference.tier}) for it in own]
    return with_one_name([*of_tier, *theirs])


def _experiment(record: Record) -> tuple[Any, ...]:
    """What two runs share that do the same from the same random numbers."""
    held = record.pretrained
    return (record["config_hash"], record["seed"], held.get("seed"), record["task"])


class Apart(NamedTuple):
    """A place in which a run was measured in another way than those of the reference.

    Attributes:
        what: The data, the protocol, a key of the recipe, ...
        yours: What the run has there.
        theirs: What the reference's runs have.
    """

    what: str
    yours: str
    theirs: str

    @property
    def said(self) -> str:
        """In words, the two values side by side."""
        return f"{self.what}: {self.yours}" + (f" -> {self.theirs}" if self.theirs else "")


def refuse_other(own: Sequence[Record], reference: Reference) -> None:
    """Refuses runs that were not measured as the reference's were.

    Raises:
        ListedError: Has a line for each way in which runs of a task differ, with both values.
    """
    found: dict[tuple[str, Apart], list[Record]] = {}
    for record in own:
        for apart in differences(record, reference) if record.done else ():
            found.setdefault((record["task"], apart), []).append(record)
    if not found:
        return
    lines = _listed(sorted(found.items(), key=lambda item: TASKS.index(item[0][0])))
    left = len(lines) - MOST_LINES
    raise ListedError(
        f"--reference {reference.tier}: your runs were measured in another way, so its rows cannot "
        f"stand beside them; measure with its data and heads ('tricklift run {reference.tier}', or "
        "a tier file of your own with them), or leave --reference out",
        [
            "yours -> the reference's",
            *lines[:MOST_LINES],
            *([f"and {count(left, 'difference')} more"] if left > 0 else []),
        ],
    )


def _listed(found: Iterable[tuple[tuple[str, Apart], Sequence[Record]]]) -> list[str]:
    """A line for each difference; which runs are meant, where they are others than above."""
    lines, above = [], None
    for (task, apart), runs in found:
        of = f" ({count(len(runs), 'run')}, such as {runs[0].path.parent})"
        lines.append(f"{task}: {apart.said}{of if runs != above else ''}")
        above = runs
    return lines


def differences(record: Record, reference: Reference) -> list[Apart]:
    """In what a run was measured in another way than those of its task in the reference."""
    same_task = reference.of_task(record["task"])
    if not same_task:
        return [Apart("task", record["task"], "it has no such runs")]
    if record["config_hash"] in {it["config_hash"] for it in same_task}:
        return _data(record, same_task)
    found = _data(record, same_task) + _of("protocol", record, same_task)
    if record["task"] == _PRETRAINING:
        return found
    found += _of("batch_size", record, same_task)
    return found + _recipe(record, reference, same_task)


def _data(record: Record, theirs: Sequence[Record]) -> list[Apart]:
    digests = dict.fromkeys(it.digest for it in theirs)
    if record.digest in digests and record.digest is not None:
        return []
    told = f"{record['dataset']} [{(record.digest or 'unknown')[:8]}]"
    others = ", ".join(f"{theirs[0]['dataset']} [{str(digest)[:8]}]" for digest in digests)
    return [Apart("data", told, others)]


def _of(key: str, record: Record, theirs: Sequence[Record]) -> list[Apart]:
    values = list(dict.fromkeys(it[key] for it in theirs))
    if record[key] in values:
        return []
    return [Apart(key, str(record[key]), ", ".join(map(str, values)))]


def _recipe(record: Record, reference: Reference, theirs: Sequence[Record]) -> list[Apart]:
    """What differs between a run's recipe and the closest of the reference's."""
    hashes = list(dict.fromkeys(str(it["recipe_hash"]) for it in theirs))
    if record["recipe_hash"] in hashes:
        return []
    kept = kept_recipe(record.path.parent, str(record["config"]))
    if kept is None:
        why = "another one" if record["recipe_hash"] else "not recorded by this version"
        return [Apart("recipe", f"{why}; its config is not beside {record.path.name}", "")]
    lists = [list(trees.differences(kept, reference.recipes[one])) for one in hashes]
    closest = min(lists, key=len)
    if not closest and record["recipe_hash"]:
        return [Apart("recipe", "another one, though its config has the same keys and values", "")]
    found = [Apart(key, trees.short(old), trees.short(new)) for key, old, new in closest]
    left = len(found) - trees.MOST
    more = [Apart("recipe", f"{count(left, 'more key')}", "")] if left > 0 else []
    return found[: trees.MOST] + more


def note(records: Iterable[Record]) -> str:
    """What a page says about the runs of a reference; '' where there are none."""
    records = list(records)
    theirs = [record for record in records if record.reference]
    if not theirs:
        return ""
    commits = sorted({str(record["commit"] or "unknown")[:8] for record in theirs})
    machines = sorted({str(record["machine"].get("cpu")) for record in theirs})
    of_tier = (
        f"of the tier `{theirs[0].reference}` that tricklift ships (commit {', '.join(commits)}; "
        f"{', '.join(machines)})"
    )
    repeated = [record for record in theirs if record["status"] == REPEATED]
    told = []
    if any(record.done for record in theirs):
        told.append(
            f"Rows marked ({MARK}) are results {of_tier}: the same data, protocols and downstream "
            "recipes. Their pretrainings count as observations beside yours."
        )
    if repeated:
        which = f"{len(repeated)} of their runs" if told else f"All {len(theirs)} runs {of_tier}"
        own = [record for record in records if not record.reference]
        told.append(
            f"{which} have the config and seeds of runs of yours, which count in their place; "
            f"yours differ from them by at most {_apart(own, repeated)}."
        )
    return " ".join(told)


def _apart(own: Sequence[Record], repeated: Sequence[Record]) -> str:
    """`0.31 top-1, 0.00 mIoU`: the largest differences between runs and what they repeat."""
    from tricklift.tables.compare import TITLES  # which imports this file

    mine = {_experiment(record): record for record in own if record.done}
    largest: dict[str, float] = {}
    for record in repeated:
        ours = mine[_experiment(record)]["metrics"]
        for name, value in record["metrics"].items():
            if name in TITLES and value is not None and ours.get(name) is not None:
                largest[name] = max(largest.get(name, 0.0), abs(ours[name] - value))
    return ", ".join(f"{largest[name]:.2f} {TITLES[name]}" for name in TITLES if name in largest)
