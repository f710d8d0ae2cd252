"""The accelerators of this host, asked of torch in another process: asking may load a driver."""

import os
import subprocess
import sys
from functools import cache

#: Which devices a process may use; CUDA's, which ROCm takes too.
VISIBLE = "CUDA_VISIBLE_DEVICES"
ASK = "import torch; print(torch.accelerator.device_count())"


@cache
def accelerators() -> int:
    """How many there are that torch can use."""
    asked = subprocess.run([sys.executable, "-P", "-c", ASK], capture_output=True, text=True)
    return int(asked.stdout.split()[-1]) if asked.returncode == 0 else 0


def devices() -> list[str]:
    """What to write into `CUDA_VISIBLE_DEVICES` for each of them: those of this process."""
    count = accelerators()
    names = [name for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return names[:count] if names else [str(number) for number in range(count)]
