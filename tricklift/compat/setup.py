"""Importing this module installs all of this package. Stock configs need one line more:

    custom_imports = dict(imports=['tricklift.compat.setup'])

Idempotent, and without effect where it is not needed: compiled mmcv wins, and accelerators keep
mmengine's own code paths.
"""

import warnings

import tricklift.compat.early_stopping  # noqa: F401  (registers the hook)
from tricklift.compat import (
    amp,
    batches,
    checkpoints,
    class_checks,
    config_files,
    disk,
    distributed,
    ema,
    every_run,
    finder,
    imports,
    init_info,
    loaders,
    precision,
    resume,
    safe_load,
    shadow,
    stop_signals,
)

__all__ = ["install"]


def install() -> None:
    """Install the op stand-ins, resume, checkpoints, precision, EMA, distribution and hooks.

    Raises:
        UserError: A folder of the user's is found in the place of one of our packages.
    """
    shadow.refuse()
    # Configs pin memory for GPUs; torch says each time that a CPU does not need it.
    warnings.filterwarnings("ignore", message="'pin_memory' argument is set as true but no acc")
    finder.install()
    config_files.install()
    safe_load.install()
    checkpoints.install()
    batches.install()
    resume.install()
    precision.install()
    amp.install()
    ema.install()
    distributed.install()
    class_checks.install()
    stop_signals.install()
    disk.install()
    loaders.install()  # after the other one that wraps Runner.train
    imports.install()
    init_info.install()
    every_run.install()


install()
