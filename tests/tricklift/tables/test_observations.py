"""One value a pretraining: what shares its chance is averaged first."""

import pytest

from tricklift.tables.observations import observe


def test_runs_of_one_pretraining_are_one_value(run):
    given = {(0, 0): 40.0, (0, 1): 44.0, (1, 5): 50.0}
    runs = [
        run("B-standard", "det", value, seed, origin) for (origin, seed), value in given.items()
    ]
    seen = observe(runs, "voc_map")
    assert seen.runs == {"0": {"0": 40.0, "1": 44.0}, "1": {"5": 50.0}}
    assert seen.values == (42.0, 50.0)
    assert seen.mean == 46.0  # not (40 + 44 + 50) / 3
    # deviations -4 and 4: sqrt(32 / 1)
    assert seen.summary() == {"mean": 46.0, "std": pytest.approx(32**0.5), "n": 2, "runs": 3}


def test_with_one_pretraining_the_spread_is_that_of_its_runs(run):
    runs = [run("B-standard", "seg", value, seed) for seed, value in enumerate((30.0, 32.0))]
    summary = observe(runs, "miou").summary()
    assert summary == {"mean": 31.0, "std": pytest.approx(2**0.5), "n": 1, "runs": 2}


def test_pretrainings_themselves_are_values(run):
    seen = observe([run("B-standard", "cls", 80.0 + seed, seed) for seed in (10, 2, 0)], "top1")
    assert seen.runs == {"0": {"0": 80.0}, "2": {"2": 82.0}, "10": {"10": 90.0}}
    assert seen.pretrained


def test_without_a_pretraining_each_run_is_a_start_of_its_own(run):
    seen = observe([run("random init", "det", 10.0 + s, s, origin=None) for s in (0, 1)], "voc_map")
    assert (seen.values, seen.pretrained) == ((10.0, 11.0), False)


@pytest.mark.parametrize("key", ["weights_sha256", "sha256", "name", "file"])
def test_weights_without_a_seed_are_told_apart_by_what_is_known(run, key):
    held = [{key: told, "config_hash": "same"} for told in ("one", "one", "other")]
    runs = [
        run("mine", "det", value, seed, pretrained=weights)
        for seed, (value, weights) in enumerate(zip((40.0, 42.0, 50.0), held, strict=True))
    ]
    assert observe(runs, "voc_map").values == (41.0, 50.0)


def test_a_metric_that_no_run_has(run):
    assert observe([run("B-standard", "det", 1.0)], "miou") is None
    assert observe([], "miou") is None


def test_a_class_has_values_of_its_own(run):
    told = [{"voc_map": {"cat": value}} for value in (20.0, 40.0)]
    records = [run("a", "det", 1.0, seed, 0, per_class=told[seed]) for seed in (0, 1)]
    assert observe(records, "voc_map", "cat").mean == 30.0
    assert observe(records, "voc_map", "dog") is None
    assert observe([run("a", "det", 1.0)], "voc_map", "cat") is None  # an older result
