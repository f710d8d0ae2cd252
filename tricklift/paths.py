"""Where the project's own files are after installation."""

from pathlib import Path

_HERE = Path(__file__).parent


def config_root() -> Path:
    """The folder of the provided configs: inside an installed wheel, or the source tree's."""
    installed = _HERE / ".mim" / "configs"
    return installed if installed.is_dir() else _HERE.parent / "configs"
