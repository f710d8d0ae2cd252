"""What detection and segmentation do with a backbone: what rows must share to be compared.

A row is a backbone with its weights. Its downstream recipe is all else that decides the numbers of
a run: data, pipeline, neck and heads, schedule, and how the backbone is cut, frozen and dilated.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tricklift.records import resolved_config
from tricklift.records.identity import deciding

#: Of `model.backbone`: how the recipe uses it. All else there says which backbone it is.
OF_RECIPE = ("type", "out_indices", "frozen_stages", "norm_eval", "norm_frozen", "output_stride")


def recipe_of(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """What a resolved config does with its backbone, as plain data; folders are neutralised."""
    plain = json.loads(json.dumps(deciding(cfg), default=str))
    plain.pop("imports", None)  # the user's own code: the backbone's, as a rule
    model = dict(plain.get("model") or {})
    backbone = model.get("backbone") or {}
    model["backbone"] = {key: backbone[key] for key in OF_RECIPE if key in backbone}
    return {**plain, "model": model}


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """sha256 (hex) of what `recipe_of` gave."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def kept_recipe(work_dir: Path, config: str) -> dict[str, Any] | None:
    """The recipe of a run by the config that mmengine kept in its folder; None where it is gone.

    Folders of data are as they were there: `differences.differing` sees through that.
    """
    file = resolved_config.kept(work_dir, config)
    return recipe_of(resolved_config.read(file)) if file.is_file() else None
