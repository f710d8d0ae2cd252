"""Configs that pages show as data are read as data: the example of SECURITY.md."""

import re
from pathlib import Path

import pytest

from tricklift import train

BLOCK = re.compile(r"^```yaml\n(_base_:.*?)^```", re.S | re.M)


@pytest.mark.parametrize("page", ["SECURITY.md"])
def test_a_config_in_yaml_is_taken(repo: Path, page: str, tmp_path: Path):
    (text,) = BLOCK.findall((repo / page).read_text(encoding="utf-8"))
    file = tmp_path / "theirs.yaml"
    file.write_text(text)
    cfg = train.build_config(file, work_dir=tmp_path / "run")
    assert (cfg.tricks, cfg.train_dataloader.batch_size) == (["ema"], 4)
    file.write_text(text.replace("[ema]", "[cosine]"))
    with pytest.raises(ValueError, match="cosine"):
        train.build_config(file, work_dir=tmp_path / "run")
