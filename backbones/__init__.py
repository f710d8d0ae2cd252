"""Backbones in plain torch: `build` one by name, `names` lists them, `info` describes one."""

from backbones import resnet as _resnet  # noqa: F401  (registers the family)
from backbones.features import Backbone, FeatureInfo
from backbones.registry import BackboneInfo, build, info, names

__all__ = ["Backbone", "BackboneInfo", "FeatureInfo", "build", "info", "names"]
