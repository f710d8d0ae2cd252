"""A script run by two processes over gloo, as `mim train --launcher pytorch` starts them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import tricklift


def in_two_processes(*command: Path, timeout: float = 600) -> str:
    """Runs a script with its arguments twice, one thread each; returns what both said.

    Raises:
        AssertionError: One of them failed; holds the end of what they said.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2")
    done = subprocess.run(
        [*launcher, f"--master_port={port}", *map(str, command)],
        env=dict(
            os.environ,
            PYTHONPATH=str(Path(tricklift.__file__).parents[1]),
            CUDA_VISIBLE_DEVICES="-1",
            OMP_NUM_THREADS="1",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
