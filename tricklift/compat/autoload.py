"""The hook that torch calls at the end of `import torch` (entry point group `torch.backends`).

Why: `mim test mmdet` runs a script that imports `mmcv.ops` before it reads any config, so
`custom_imports` comes too late there. torch's documented autoload reaches every process that
imports torch in this environment; that is why it does next to nothing and never raises: an error
here would make `import torch` itself fail.

`TORCH_DEVICE_BACKEND_AUTOLOAD=0` turns it off (`custom_imports` then still serves training).
"""


def autoload() -> None:
    """Make `mmcv._ext` importable where it is not compiled. Imports nothing heavy, never raises."""
    try:
        from tricklift.compat import finder

        finder.install()
    except Exception as error:  # never break `import torch`
        _warn(error)


def _warn(error: Exception) -> None:
    import contextlib
    import warnings

    with contextlib.suppress(Exception):  # warnings may be turned into errors
        warnings.warn(f"tricklift could not stand in for mmcv._ext: {error!r}", stacklevel=3)
