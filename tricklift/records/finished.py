"""A result is never lost to a training that begins anew in its folder: such a one is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.errors import UserError
from tricklift.records.atomic import read_json
from tricklift.records.identity import config_hash
from tricklift.records.schema import RESULT_FILE


def refuse_to_replace(
    work_dir: str | Path, cfg: Mapping[str, Any] | None = None, resumes: bool = False
) -> None:
    """Refuses a training from the start that would take the place of a run which is kept.

    That is a run that has ended, and one of another config or seed that has not. One of the same
    config that was stopped may be begun anew.

    Args:
        work_dir: Of the training.
        cfg: Its resolved config; None: it is not looked at.
        resumes: It was told to resume, and there is no checkpoint: a run that has not ended has
            left nothing then.

    Raises:
        UserError: Says what is there, and the ways on.
    """
    held = read_json(Path(work_dir) / RESULT_FILE)
    if held.get("status") == "done":
        what = "a finished run"
    elif held and cfg is not None and not resumes and not _same(held, cfg):
        what = "a run that has not ended, of another config or seed"
    else:
        return
    ways = "move or remove the folder"
    ways = ways if resumes else f"add --resume to go on from its last checkpoint, or {ways}"
    raise UserError(
        f"{work_dir} holds {what} ({held.get('config')}, seed {held.get('seed')}), which a "
        f"training from the start would replace{' (no checkpoint is there)' if resumes else ''}; "
        f"give another --out (--work-dir), {ways}"
    )


def _same(held: Mapping[str, Any], cfg: Mapping[str, Any]) -> bool:
    """Whether a record is of this config, and of its seed where it says one."""
    seed = (cfg.get("randomness") or {}).get("seed")
    if seed is not None and seed != held.get("seed"):
        return False
    return bool(held.get("config_hash") == config_hash(cfg))
