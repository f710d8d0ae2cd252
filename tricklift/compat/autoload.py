"""The hook that torch calls at the end of `import torch` (entry point group `torch.backends`).

Why: `mim test mmdet` runs a script that imports `mmcv.ops` before it reads any config, so
`custom_imports` comes too late there. torch's documented autoload reaches every process that
imports torch in this environment: so it acts in the scripts that mim starts alone, does next to
nothing there, and never raises, for an error here would make `import torch` itself fail.

`TORCH_DEVICE_BACKEND_AUTOLOAD=0` turns it off (`custom_imports` then still serves training).
"""

import contextlib
import os
import sys
import warnings


def autoload() -> None:
    """Make `mmcv._ext` importable in `<package>/.mim/tools/*.py`. Imports nothing heavy."""
    try:
        if os.path.join(".mim", "tools", "") in os.path.abspath(sys.argv[0]):
            from tricklift.compat import finder
            from tricklift.records.environment import forget_empty

            finder.install()
            forget_empty()  # mmengine refuses a variable that is empty
    except Exception as error:  # never break `import torch`
        with contextlib.suppress(Exception):  # warnings may be turned into errors
            warnings.warn(f"tricklift could not stand in for mmcv._ext: {error!r}", stacklevel=2)
