"""Where a checkpoint of the classification stage comes from: what its run's result file says."""

import json
from pathlib import Path
from typing import Any


def run_of(checkpoint: Path, averaged: bool | None) -> dict[str, str]:
    """Facts of the run that wrote `checkpoint`, from the ``result.json`` beside it.

    Args:
        checkpoint: A ``.pth`` in a work dir.
        averaged: None for a run without EMA; else whether the averaged weights are meant. A run
            with EMA is validated with these, so its accuracy is not that of the others.

    Returns:
        ``config_hash``, ``commit``, ``seed``, ``world_size`` (number of processes),
        ``data_digest`` and ``top1`` (percent) as far as they are known; ``top1`` only where it is
        that of this very file.
    """
    result = _json(checkpoint.parent / "result.json")
    known = ("config_hash", "commit", "seed", "world_size")
    facts = {key: str(result[key]) for key in known if result.get(key) is not None}
    if digest := (result.get("data") or {}).get("digest"):
        facts["data_digest"] = str(digest)
    top1 = _top1(checkpoint, result)
    if isinstance(top1, int | float) and averaged is not False:
        facts["top1"] = f"{top1:.4f}"
    return facts


def _top1(checkpoint: Path, result: dict[str, Any]) -> Any:
    pointer = checkpoint.parent / "last_checkpoint"
    last = Path(pointer.read_text().strip()).name if pointer.is_file() else ""
    if checkpoint.name == last and result.get("status") == "done":
        return (result.get("metrics") or {}).get("top1")
    if checkpoint.name.startswith("best_") and "top1" in checkpoint.name:
        return (result.get("best") or {}).get("top1")
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
