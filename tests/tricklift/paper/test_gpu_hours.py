"""The estimate of a run's cost: its numbers are counted, its throughput is the paper's."""

import pytest

from backbones.describe import describe
from tricklift.paper import numbers
from tricklift.paper.gpu_hours import GMACS, IMAGENET, gpu_hours, throughput


@pytest.mark.parametrize("network", GMACS)
def test_macs_are_those_of_the_networks(network):
    assert describe(network)["macs"] / 1e9 == pytest.approx(GMACS[network], abs=0.006)


@pytest.mark.parametrize("row", ["resnet50_a", "inception_v3", "mobilenet_v1"])
def test_timed_rows_cost_what_the_paper_says(row):
    name = {"resnet50_a": "ResNet-50", "inception_v3": "Inception-V3"}.get(row, "MobileNet")
    timed = next(entry for entry in numbers.table(3)["rows"] if entry["row"] == name)
    efficient = 120 * timed["minutes_per_epoch"] / 60 * 8
    assert gpu_hours(f"cls/full/{row}-efficient") == pytest.approx(efficient)
    baseline = 120 * timed["baseline_minutes_per_epoch"] / 60 * 8
    assert gpu_hours(f"cls/full/{row}-baseline") == pytest.approx(baseline)


def test_throughput_is_below_what_a_v100_can_do():
    assert 4e12 < throughput("resnet50_d", half=False) < 15.7e12
    assert 13e12 < throughput("resnet50_d", half=True) < 125e12


def test_a_teacher_costs_its_forward_pass():
    extra = gpu_hours("cls/full/resnet50_d-distill") - gpu_hours("cls/full/resnet50_d-smooth")
    flops = 120 * IMAGENET * 2 * GMACS["resnet152_d"] * 1e9
    assert extra == pytest.approx(flops / throughput("resnet152_d", half=True) / 3600)


def test_longer_and_larger_is_dearer():
    short, long = (gpu_hours(f"cls/full/resnet50_d-{row}") for row in ("smooth", "mixup"))
    assert long == pytest.approx(short * 200 / 120)
    places = gpu_hours("cls/full/resnet50_d-places365-efficient")
    assert places == pytest.approx(
        gpu_hours("cls/full/resnet50_d-efficient") * 1_803_460 / IMAGENET
    )
    assert gpu_hours("det/full/faster_rcnn_c4-b-standard") < 30
    assert gpu_hours("seg/full/fcn-b-standard") > 50
