"""The machine as a result file states it."""

import os

import torch

from tricklift.records.machine import cores, machine, peak_memory


def test_cores_are_those_that_this_process_may_use():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == machine()["cores"] == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores() == len(before)
    assert machine()["torch"] == torch.__version__


def test_peak_memory_is_in_mib_and_remembers():
    before = peak_memory()
    held = b"x" * (300 << 20)  # written, so resident
    with_it = peak_memory()
    del held
    assert with_it >= max(before, 300)
    assert peak_memory() > with_it - 10  # the kernel counts in steps
