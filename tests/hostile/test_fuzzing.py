"""Random files for each reader; ten minutes of each are `python tests/hostile/fuzzing.py`."""

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzzing import TARGETS, prepared, tried, warm

#: Of each target.
FILES = 300


@pytest.mark.faults
@pytest.mark.parametrize("target", TARGETS)
def test_random_files(target, tmp_path, record_property):
    folder = prepared(tmp_path)
    warm(target, folder)
    read = []

    @seed(16)
    @settings(
        max_examples=FILES,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(TARGETS[target][0])
    def one(data):
        read.append(len(data))
        tried(target, data, folder)

    one()
    record_property("faults", len(read))
    print(f"fuzzing: {target}: {len(read)} files, none of which did anything")
