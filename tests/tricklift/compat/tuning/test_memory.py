"""Memory that is kept causes no page faults when it is used again."""

import os
import platform
import subprocess
import sys

import pytest

from tricklift.compat.tuning import memory

PROGRAM = """
import resource, sys
from tricklift.compat.tuning.memory import keep_freed
kept = keep_freed() if sys.argv[1] == 'keep' else None
def step():
    blocks = [b'x' * (16 << 20) for _ in range(6)]  # more than what glibc keeps by itself
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, kept)
"""


def faults(how: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True,
        env={**os.environ, **environment},
    )  # fmt: skip
    count, kept = done.stdout.split()
    return int(count), kept


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc",
    reason="mallopt is glibc's: elsewhere keep_freed does nothing",
)
def test_kept_memory_is_used_again():
    pages = 2 * 6 * (16 << 20) // os.sysconf("SC_PAGE_SIZE")
    count, kept = faults("keep")
    assert kept == "True" and count < pages / 10
    assert faults("return")[0] > 0.5 * pages
    count, kept = faults("keep", MALLOC_TRIM_THRESHOLD_="100000")  # what the user says stands
    assert kept == "False" and count > 0.5 * pages


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert memory.keep_freed() is False
