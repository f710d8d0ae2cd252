"""Claims: what a tier's table should show, said before it is looked at.

A YAML file has a list `claims`, as tier files may have it:

    claims:
      - {row: + cosine, against: D-efficient, metric: top1, sign: "+", words: cosine lifts top-1}
      - {row: + smooth, against: + cosine, metric: mIoU, sign: "-"}
      - {row: + mixup, against: + cosine, metric: mAP, sign: "0", within: 0.5}
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paths import config_root
from tricklift.records.plain_files import read_yaml
from tricklift.tables.compare import TITLES
from tricklift.tables.differences import Difference

SIGNS = ("+", "-", "0")
#: As tier files, result files and pages call a metric -> as result files do.
METRICS = {"top1": "top1", "mAP": "voc_map", "pixAcc": "pix_acc", "mIoU": "miou"}
_NEEDED, _OPTIONAL = ("row", "against", "metric", "sign"), ("words", "within")
SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"


@dataclass(frozen=True)
class Claim:
    """That one row is better than another, worse, or as good.

    Attributes:
        row: A label, or the name of a row.
        against: The other; where rows share that name, the one of the same network is meant.
        metric: Of `COLUMNS`.
        sign: Of `SIGNS`, of row minus against.
        words: What is claimed.
        within: With sign 0: how small a difference counts as none, in points.
    """

    row: str
    against: str
    metric: str
    sign: str
    words: str = ""
    within: float | None = None

    @property
    def text(self) -> str:
        """`words`, or a sentence made of the rest."""
        what = {"+": "is better than", "-": "is worse than", "0": "is as good as"}[self.sign]
        return self.words or f"{self.row} {what} {self.against} in {TITLES[self.metric]}"


@dataclass(frozen=True)
class Verdict:
    """What the runs say of a claim.

    Attributes:
        claim: It.
        title: The column in which it was looked at; None where the rows were not run, or where
            several have that name.
        said: `supported`, `contradicted` or `undecided`.
        difference: Row minus against.
    """

    claim: Claim
    title: str | None
    said: str
    difference: Difference | None


def judge(claim: Claim, found: Difference) -> str:
    """What a difference says of a claim; nothing (`undecided`) without a p."""
    if claim.sign == "0":
        inside = (
            claim.within is not None
            and found.low is not None
            and found.high is not None
            and found.p is not None
            and -claim.within <= found.low <= found.high <= claim.within
        )
        return SUPPORTED if inside else CONTRADICTED if found.decided else UNDECIDED
    if not found.decided:
        return UNDECIDED
    return SUPPORTED if (found.mean > 0) == (claim.sign == "+") else CONTRADICTED


def read_claims(file: str | Path) -> list[Claim]:
    """The claims of a YAML file.

    Raises:
        MissingFileError: It is not there.
        UserError: It has no claims, or one that is not of the form above.
    """
    file = Path(file)
    if not file.is_file():
        raise MissingFileError(f"no file {file}; give a YAML file with a list 'claims'")
    held = read_yaml(file)
    entries = held.get("claims") if isinstance(held, Mapping) else held
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{file} has no list 'claims'; add one, or leave --claims out")
    return [_claim(entry, f"{file}, claim {place}") for place, entry in enumerate(entries, 1)]


def tier_file(name: str) -> Path | None:
    """The file of a provided tier, None where there is no such tier."""
    file = config_root() / "tiers" / f"{name}.yaml"
    return file if file.is_file() and Path(name).name == name else None


def claims_of(tiers: Iterable[str]) -> list[Claim]:
    """The claims of provided tiers; names of others are passed over."""
    files = [file for tier in tiers if (file := tier_file(tier))]
    told = {file: read_yaml(file) for file in files}
    return [claim for file in files if told[file].get("claims") for claim in read_claims(file)]


def paired_in(tiers: Iterable[str]) -> bool:
    """Whether provided tiers, each of them, say that rows are compared within seeds."""
    told = [bool(file and read_yaml(file).get("paired")) for file in map(tier_file, tiers)]
    return bool(told) and all(told)


def _claim(entry: Any, place: str) -> Claim:
    if not isinstance(entry, Mapping):
        raise UserError(f"{place}: takes keys ({', '.join(_NEEDED)}), got {entry!r}")
    known = (*_NEEDED, *_OPTIONAL)
    for key in entry:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise UserError(f"{place}: unknown key {key!r}; known: {', '.join(known)}{hint}")
    missing = [key for key in _NEEDED if entry.get(key) is None]
    if missing:
        raise UserError(f"{place}: lacks {', '.join(missing)}")
    names = {**METRICS, **{name: name for name in METRICS.values()}}
    if entry["metric"] not in names:
        raise UserError(
            f"{place}: metric takes {', '.join(METRICS)}, got {entry['metric']!r}"
            f"{did_you_mean(str(entry['metric']), METRICS)}"
        )
    if str(entry["sign"]) not in SIGNS:
        raise UserError(f"{place}: sign takes '+', '-' or '0', got {entry['sign']!r}")
    within = entry.get("within")
    if within is not None and (not isinstance(within, int | float) or within <= 0):
        raise UserError(f"{place}: within takes points above 0, got {within!r}")
    claim = Claim(str(entry["row"]), str(entry["against"]), names[entry["metric"]], "", "", within)
    return replace(claim, sign=str(entry["sign"]), words=str(entry.get("words") or ""))
