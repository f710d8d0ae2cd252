"""A config's hash is what it computes, wherever data and exports lie."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file

from tricklift import configs
from tricklift.records.identity import config_hash
from tricklift.records.weights import weights_sources

#: The exports that leaves name: what they learn from, and what they start from.
EXPORTS = (
    "resnet34_d-smooth",
    "resnet152_d-smooth",
    "resnet152_d-mixup",
    "resnet152_d-places365-mixup",
    "resnet50_b-standard",
    *(
        f"resnet50_d-{row}"
        for row in ("efficient", "cosine", "smooth", "distill", "mixup", "mixup-distill")
    ),
)


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> list[tuple[str, str]]:
    """Twice a data root and, above it, a folder of exports; alike but for their names."""
    found = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        for export in EXPORTS:
            header = {"architecture": export.partition("-")[0], "config_hash": export}
            save_file({"w": torch.zeros(1)}, str(folder / f"{export}.safetensors"), header)
        found.append((str(folder / name), str(folder)))
    return found


@pytest.mark.parametrize("name", configs.short_names())
def test_no_folder_is_in_the_hash_of_a_leaf(name, places, monkeypatch):
    hashes = set()
    for root, exports in places:
        monkeypatch.setenv("TRICKLIFT_ROOT", root)
        monkeypatch.setenv("TRICKLIFT_EXPORTS", exports)
        cfg = Config.fromfile(configs.find_config(name), import_custom_modules=False)
        sources = weights_sources(cfg).values()
        # named anywhere else, an export would be a setting of its own in the hash
        assert json.dumps(cfg.to_dict(), default=str).count(".safetensors") == len(sources)
        for source in sources:
            assert Path(source).parent == Path(exports)
            assert Path(source).is_file(), "put it into EXPORTS"
        hashes.add(config_hash(cfg))
    assert len(hashes) == 1
