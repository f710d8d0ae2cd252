"""The index bench, on a set of a few hundred images."""

import mmap
import os

import pytest

from benchmarks import index


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(index, "IMAGENET", 503)
    monkeypatch.setattr(index, "CLASSES", 7)
    monkeypatch.setattr(index, "REAL_FILES", 300)
    monkeypatch.setattr(index, "WORKERS", 2)


@pytest.mark.slow
def test_all_of_it(small):
    before = os.environ.get("XDG_CACHE_HOME")
    start, memory, scan = index.bench(lambda text: None)
    assert os.environ.get("XDG_CACHE_HOME") == before
    assert (start.unit, start.met) == ("s", True)
    assert start.case == "second start on 503 images in 7 classes"
    assert memory.unit == "MB" and memory.ours > 0
    assert scan.unit == "files/s" and scan.peer > 0


def test_the_memory_of_this_process():
    before = index.pss(os.getpid())
    with mmap.mmap(-1, 50 << 20) as block:  # pages of its own: freed ones may stay with the process
        for _ in range(50):
            block.write(os.urandom(1 << 20))
        # more where a child of an earlier test ends meanwhile: what both shared is ours alone then
        assert index.pss(os.getpid()) - before > 45
