"""One network a family, for tests that are parametrised over all families."""

from collections.abc import Collection
from typing import Any

import pytest

import backbones

#: Networks whose tests take long for their size alone.
HEAVY = ("timm/vgg19", "timm/vgg19_bn")


def representatives() -> list[str]:
    """The first name of each family of ours, and every listed network of timm."""
    by_family: dict[str, str] = {}
    for name in backbones.names():
        family = backbones.info(name).family
        by_family.setdefault(name if family == "timm" else family, name)
    return list(by_family.values())


def parameters(slow: Collection[str] = HEAVY) -> list[Any]:
    """The representatives for `pytest.mark.parametrize`, those in `slow` marked so."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] if name in slow else [], id=name)
        for name in representatives()
    ]
