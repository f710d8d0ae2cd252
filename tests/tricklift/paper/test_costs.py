"""`costs.json` holds what its command would write now."""

import pytest

from tricklift.paper import costs
from tricklift.paper.gpu_hours import gpu_hours
from tricklift.paper.table_cells import CELLS, TEACHERS

NAMES = {name for cell in CELLS for name in (cell.config, *cell.needs)} | set(TEACHERS)
#: One of each network and head: the rows of one network leave the same bytes.
KINDS = (
    *("resnet50_a-baseline", "inception_v3-cosine", "mobilenet_v1-distill", "resnet152_d-smooth"),
    *("faster_rcnn_c4-b-standard", "faster_rcnn_fpn-d-mixup", "fcn-d-smooth", "pspnet-b-standard"),
)
RENEW = "renew it: python -m tricklift.paper.costs"


def test_every_run_of_the_tables_is_there():
    assert set(costs.known()) == NAMES, RENEW


@pytest.mark.parametrize("name", sorted(NAMES))
def test_hours_are_those_of_the_configs(name):
    assert costs.known()[name].gpu_hours == pytest.approx(gpu_hours(name), abs=0.01), RENEW


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_those_of_the_models(kind):
    (name,) = (name for name in NAMES if name.endswith(f"/{kind}"))
    assert costs.known()[name] == costs.counted(name), RENEW
