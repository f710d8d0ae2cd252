"""Hours, memory and speed of a row's runs."""

import pytest

from tricklift.tables.compare import lines
from tricklift.tables.costs import costs, gpu_seconds, in_all


def test_means_over_runs_and_the_highest_memory(run):
    records = [
        run(
            "a",
            "cls",
            50.0,
            seed,
            wall_seconds=3600.0 * hours,
            cpu_seconds=7200.0,
            peak_memory=1024.0 * hours,
            batch_size=9,
            iters=800,
        )
        for seed, hours in ((0, 1), (1, 3))
    ]
    (found,) = costs(lines(records), ["a"])
    assert (found.row, found.task, found.runs) == ("a", "cls", 2)
    assert (found.wall_hours, found.cpu_hours, found.gpu_hours) == (2.0, 2.0, None)
    assert found.peak_memory == 3.0
    # 7200 images in one hour, and in three: 2 and 2/3 images a second
    assert found.images_per_second == pytest.approx((2 + 2 / 3) / 2)


def test_all_gpus_of_a_run_count(run):
    it = run("a", "cls", 1.0, machine={"device": "V100"}, world_size=8, wall_seconds=10.0)
    assert gpu_seconds(it) == 80.0
    assert gpu_seconds(run("a", "cls", 1.0, machine={"device": "cpu"}, world_size=8)) == 0.0


def test_heads_share_a_pretraining_which_is_told_once(run):
    records = [run("a", "cls", 50.0)]
    records += [run("a", "det", 30.0, config=f"{head}.py") for head in ("c4", "fpn")]
    table = lines(records)
    found = costs(table, ["a (c4)", "a (fpn)"])
    assert [(it.row, it.task) for it in found] == [
        ("a (c4)", "cls"),
        ("a (c4)", "det"),
        ("a (fpn)", "det"),
    ]
    assert found[0].cpu_hours is None and found[0].images_per_second is None


def test_all_together_in_a_sentence(run):
    told, untold = (
        run("a", "cls", 1.0, seed, wall_seconds=90.0, **known)
        for seed, known in ((0, {"cpu_seconds": 65.0}), (1, {}))
    )
    assert in_all([untold]) == "In all 1:30 of training and validation."
    assert in_all([told, told]) == "In all 3:00 of training and validation, 2:10 of CPU time."
    assert "1:05 of CPU time (1 of 2 runs do not tell" in in_all([told, untold])
    on_gpu = run("a", "cls", 1.0, wall_seconds=90.0, machine={"device": "V100"}, world_size=2)
    assert in_all([on_gpu]).endswith(", 3:00 of GPU time.")
