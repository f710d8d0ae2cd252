"""Who prepares the data of `small` has those of its shipped reference: the same digests."""

import os
from pathlib import Path

import pytest
from mmengine.registry import DATASETS, init_default_scope

import cls  # noqa: F401
import det  # noqa: F401
import seg  # noqa: F401
from tricklift.configs import find_config
from tricklift.data import prepare
from tricklift.records.data_identity import identity
from tricklift.tables import reference
from tricklift.tricks import load

CONFIGS = {
    "tiny-imagenet": "cls/small/resnet18_b-standard",
    "groceries": "det/small/faster_rcnn_fpn",
    "camvid": "seg/small/fcn",
}
ARCHIVES = Path(os.environ.get("TRICKLIFT_DATA") or "no archives")


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_prepared_data_are_those_of_the_reference(name, tmp_path, monkeypatch):
    known = prepare.SETS[name]
    archive = f"{known.folder}.tar.gz"
    if not (ARCHIVES / archive).is_file():  # data are no part of the repository
        pytest.skip(f"needs {archive} in TRICKLIFT_DATA")
    prepare.prepare(name, tmp_path, source=ARCHIVES)
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path))
    cfg = load(find_config(CONFIGS[name]))
    init_default_scope(cfg.get("default_scope", "mmengine"))
    loaders = {"train": cfg.train_dataloader, "val": cfg.val_dataloader}
    found = identity({split: DATASETS.build(it.dataset) for split, it in loaders.items()})
    assert found["name"] == known.title != known.folder
    theirs = reference.read("small").of_task(CONFIGS[name][:3])
    assert {record.digest for record in theirs} == {found["digest"]}
