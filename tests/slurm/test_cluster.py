"""The cluster of these tests itself: up in seconds, and gone without a trace."""

import os
import time
from contextlib import suppress
from pathlib import Path

from slurm_cluster import Cluster


def having(word: bytes) -> list[int]:
    """Processes with a variable of the environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def test_it_ends_with_all_that_it_started(tmp_path):
    since = time.monotonic()
    with Cluster(tmp_path, accounting=True) as cluster:
        assert time.monotonic() - since < 40
        mine = f"SLURM_CONF={cluster.environment['SLURM_CONF']}".encode()
        cluster.call("sbatch", "--output=/dev/null", "--wrap=trap '' TERM; sleep 1000")
        while "R" not in cluster.call("squeue", "-h", "-o", "%t"):
            time.sleep(0.1)
        assert len(having(mine)) > 5
        assert "lab" in cluster.call("sacctmgr", "-n", "show", "account")
    assert not having(mine)
