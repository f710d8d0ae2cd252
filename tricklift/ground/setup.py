"""Importing this module installs the ground. A stock mmdet or mmseg config needs one line more:

    custom_imports = dict(imports=['tricklift.ground.setup'])

Idempotent, and without effect where it is not needed: compiled mmcv wins, and accelerators keep
mmengine's own code paths.
"""

from tricklift.ground import amp, distributed, finder, safe_load

__all__ = ["install"]


def install() -> None:
    """Install the op stand-ins, safe resume, CPU mixed precision and CPU distribution."""
    finder.install()
    safe_load.install()
    amp.install()
    distributed.install()


install()
