"""What a run left beside its result: its resolved config, and the end of its log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.records.differences import GONE, differences
from tricklift.records.resolved_config import kept, parsed
from tricklift.tables.records import Record

#: Of a log: so many lines from its end, none longer than that.
LINES, LONGEST = 40, 400
#: Of a config: where and how a run is kept, which differs in every run.
KEPT = ("work_dir", "experiment_name", "resume", "load_from", "launcher", "visualizer", "seed")
#: Of a value in a difference of configs, so many letters.
SHOWN = 400


def config_text(record: Record) -> str:
    """The config as the run resolved it; empty where it left none."""
    folder = record.path.parent
    named = kept(folder, str(record["config"] or "none"))
    files = [named, *sorted(folder.glob("*/vis_data/config.py"), reverse=True)]
    found = next((file for file in files if file.is_file()), None)
    return found.read_text(encoding="utf-8", errors="replace") if found else ""


def difference(before: str, now: str) -> list[tuple[str, str, str]]:
    """Key, value before and value now of each place where two resolved configs differ.

    A variable that a config's file only hands on, such as `train_pipeline`, is left out where the
    section that takes it differs in the same way.
    """
    old, new = (
        {key: value for key, value in parsed(text).items() if key not in KEPT}
        for text in (before, now)
    )
    found = {key: (_shown(was), _shown(is_now)) for key, was, is_now in differences(old, new)}
    return [(key, *values) for key, values in found.items() if not _handed_on(key, found)]


def _handed_on(key: str, found: Mapping[str, tuple[str, str]]) -> bool:
    """Whether a deeper key ends as this one does below its first part, and differs alike."""
    _, _, rest = key.partition(".")
    return any(
        other.count(".") > key.count(".")
        and found[other] == found[key]
        and (not rest or other.endswith(f".{rest}"))
        for other in found
    )


def _shown(value: Any) -> str:
    text = "not set" if value is GONE else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def log_end(record: Record, out: Path) -> list[str]:
    """The last lines of a run's log: mmengine's, or else what its job said; none without any."""
    folder = record.path.parent
    files = sorted(folder.glob("*/*.log"))
    if not files and out in folder.parents:
        name = str(folder.relative_to(out)).replace("/", "_")
        files = [file for file in (out / "logs" / f"{name}.log",) if file.is_file()]
    if not files:
        return []
    with files[-1].open("rb") as file:
        file.seek(max(0, files[-1].stat().st_size - 4 * LINES * LONGEST))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return [line if len(line) <= LONGEST else f"{line[:LONGEST]} ..." for line in lines[-LINES:]]
