"""Importing this module installs the ground. A stock mmdet or mmseg config needs one line more:

    custom_imports = dict(imports=['tricklift.ground.setup'])

Idempotent, and without effect where it is not needed: compiled mmcv wins, and accelerators keep
mmengine's own code paths.
"""

import tricklift.ground.early_stopping  # noqa: F401  (registers the hook)
from tricklift.ground import amp, checkpoints, distributed, finder, safe_load, seeds

__all__ = ["install"]


def install() -> None:
    """Install the op stand-ins, safe resume, whole checkpoints, CPU precision, distribution."""
    finder.install()
    safe_load.install()
    checkpoints.install()
    seeds.install()
    amp.install()
    distributed.install()


install()
