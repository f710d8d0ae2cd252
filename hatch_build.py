"""Build hook: puts `.mim` (scripts and configs) into the installed package, editable or not.

`mim train tricklift CONFIG` starts `<site-packages>/tricklift/.mim/tools/train.py`. A wheel carries
that folder by itself; an editable install leaves site-packages empty, so they are added here.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

TOOLS = Path("tricklift") / ".mim" / "tools"


class MimHook(BuildHookInterface):
    """Adds what `mim` looks up; hatchling finds this class by itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Extends `build_data`; `version` is 'standard' or 'editable'."""
        tools = {
            str(Path(self.root) / TOOLS / name): str(TOOLS / name)
            for name in ("train.py", "test.py")
        }
        if version == "editable":
            build_data["force_include_editable"].update(tools)
        else:
            build_data["force_include"][str(Path(self.root) / "configs")] = "tricklift/.mim/configs"
