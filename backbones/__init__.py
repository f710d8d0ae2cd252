"""Backbones in plain torch: `build` one by name, `names` lists them, `info` describes one."""

from importlib import import_module

from backbones.features import Backbone, FeatureInfo
from backbones.own import register_backbone
from backbones.registry import BackboneInfo, build, info, names
from backbones.staged import GlobalAverage, StagedNet

#: Files that register networks, in the order in which `names` lists them.
FAMILIES = (
    "resnet",
    "preresnet",
    "rednet",
    "dcdc",
    "hardnet",
    "timm_models",
)
for _family in FAMILIES:
    import_module(f"backbones.{_family}")

__all__ = [
    "Backbone",
    "BackboneInfo",
    "FeatureInfo",
    "GlobalAverage",
    "StagedNet",
    "build",
    "info",
    "names",
    "register_backbone",
]
