"""A small MiniWorld, generated once for the tests of this folder."""

import pytest

from tricklift.data.miniworld import Manifest, MiniWorldSizes, generate

SIZES = MiniWorldSizes(
    cls_train=48, cls_val=24, det_trainval=96, det_test=48, seg_train=60, seg_val=24
)


@pytest.fixture(scope="session")
def small_sizes() -> MiniWorldSizes:
    return SIZES


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return generate(tmp_path_factory.mktemp("miniworld") / "world", seed=3, sizes=SIZES, workers=2)
