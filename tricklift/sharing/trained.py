"""What is known of an exported backbone: the run that trained it, and those that start from it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError
from tricklift.records.atomic import read_json
from tricklift.records.identity import read_header
from tricklift.records.resolved_config import kept
from tricklift.records.schema import RESULT_FILE
from tricklift.records.weights import KEY, weights_sha256

DOWNSTREAM = ("det", "seg")
#: Of what is exported by us, in our names.
FORMAT = "tricklift"


@dataclass(frozen=True)
class Trained:
    """An export with all that is published of it.

    Attributes:
        export: The file.
        facts: Its metadata, as `tricklift export` wrote them.
        work_dir: Of the run that trained it.
        result: What that run left.
        downstream: Results of detectors and segmenters that started from these very weights.
    """

    export: Path
    facts: dict[str, str]
    work_dir: Path
    result: dict[str, Any]
    downstream: list[dict[str, Any]] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        """That the network was built with."""
        return dict(json.loads(self.facts.get("options", "{}")))

    @property
    def architecture(self) -> str:
        """Our name of the network."""
        return self.facts["architecture"]

    @property
    def num_classes(self) -> int:
        """Of its head."""
        return int(self.facts["num_classes"])

    @property
    def config(self) -> Path:
        """The resolved config that the run kept."""
        return kept(self.work_dir, str(self.result["config"]))


def look(export: Path, run: Path | None = None, results: Path | None = None) -> Trained:
    """Find the run that trained an export, and what was measured with it.

    Args:
        export: The file of `tricklift export`.
        run: Work dir of the run; None: beside the export, as `tricklift run` lays them out.
        results: Folder with results of detectors and segmenters; None: there, too.

    Raises:
        MissingFileError: No such file, or no such run.
        UserError: Not an export of ours, or `run` is of another training.
    """
    export = export.absolute()  # the run may be in the folder above
    facts = _facts(export)
    if run is not None and not (run / RESULT_FILE).is_file():
        raise MissingFileError(f"--run: no {RESULT_FILE} in {run}; give the work dir of a training")
    folders = [run] if run is not None else list(_near(export))
    found = [(it, read_json(it / RESULT_FILE)) for it in folders]
    fitting = [(it, result) for it, result in found if _trained(result, facts)]
    if not fitting:
        where = str(run) if run is not None else f"{export.parent} or {export.parent.parent}/cls"
        wanted = f"config {str(facts.get('config_hash'))[:8]}, seed {facts.get('seed')}"
        raise MissingFileError(
            f"{export}: no finished run that trained it ({wanted}) in {where}; give its work dir "
            "with --run"
        )
    work_dir, result = fitting[0]
    trained = Trained(export, facts, work_dir, result)
    if not trained.config.is_file():
        raise MissingFileError(
            f"{work_dir} has no {trained.config.name}, the config of its run; "
            "put it back, or train again"
        )
    place = results or export.parent.parent
    deep = "*/*/*" if results is None else "**"
    weights = weights_sha256(export)
    files = sorted(place.glob(f"{deep}/{RESULT_FILE}"))
    held = [read_json(file) for file in files]
    trained.downstream.extend(it for it in held if _starts_from(it, weights))
    return trained


def _facts(export: Path) -> dict[str, str]:
    if not export.is_file():
        raise MissingFileError(f"no file {export}; give one that 'tricklift export' wrote")
    facts = read_header(export)
    if facts.get("format") != FORMAT or "architecture" not in facts:
        raise UserError(
            f"{export} is no export of tricklift in its own names; write one with 'tricklift "
            "export CHECKPOINT FILE.safetensors' (formats for others are made of it)"
        )
    return facts


def _near(export: Path) -> Iterator[Path]:
    """Folders in which the run may be: the export's own, and those of `tricklift run`."""
    yield export.parent
    yield from sorted(file.parent for file in export.parent.parent.glob(f"cls/*/*/{RESULT_FILE}"))


def _trained(result: dict[str, Any], facts: dict[str, str]) -> bool:
    same = result.get("config_hash") == facts.get("config_hash") is not None
    same_seed = str(result.get("seed")) == str(facts.get("seed"))
    return same and same_seed and (result.get("task"), result.get("status")) == ("cls", "done")


def _starts_from(result: dict[str, Any], weights: str | None) -> bool:
    held = (result.get("pretrained") or {}).get(KEY)
    done = result.get("status") == "done" and result.get("task") in DOWNSTREAM
    return done and held == weights
