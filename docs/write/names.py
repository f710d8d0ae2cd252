"""The names of backbones that shells complete, where importing torch would take too long."""

import backbones

PAGE = "../tricklift/cli/backbone_names.txt"


def text() -> str:
    """One name a line."""
    return "\n".join(backbones.names()) + "\n"
