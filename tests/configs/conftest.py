"""A few pictures in the layouts of BCCD, CamVid, VOC07+12 and ADE20K, for TRICKLIFT_ROOT."""

from pathlib import Path

import pytest
from scenes import numbered, write_ade, write_voc

ADE_SPLITS = {"training": numbered("t", 4), "validation": numbered("v", 2)}


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bccd` (8 images to train on, 2 to test) and `camvid` (4 and 2), half as large as theirs."""
    root = tmp_path_factory.mktemp("small")
    classes = ("RBC", "WBC", "Platelets")
    write_voc(
        root / "bccd", {"trainval": numbered("t", 8), "test": numbered("e", 2)}, classes, 320, 240
    )
    write_ade(root / "camvid", ADE_SPLITS, 11, 240, 180)
    return root


@pytest.fixture(scope="session")
def full_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VOC 2007 (1 image to train on, 1 to test), VOC 2012 (1) and ADE20K (4 and 2), of 96x80."""
    root = tmp_path_factory.mktemp("full")
    for year, splits in {
        "2007": {"trainval": ["t0"], "test": ["e0"]},
        "2012": {"trainval": ["t0"]},
    }.items():
        write_voc(root / f"VOCdevkit/VOC{year}", splits, ("aeroplane", "tvmonitor"), 96, 80)
    write_ade(root / "ade/ADEChallengeData2016", ADE_SPLITS, 150, 96, 80)
    return root
