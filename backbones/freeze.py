"""Frozen stages and frozen batch norm, for any network that fulfils `backbones.features.Backbone`.

``frozen_stages`` and ``norm_eval`` are mmdet's; ``norm_frozen`` goes by type, whatever a library
calls its norms.
"""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tricklift.errors import UserError


def frozen_modules(model: Any, frozen_stages: int) -> list[nn.Module]:
    """The modules that ``frozen_stages`` freezes: -1 none, 0 the stem, 1 the first stage too, ...

    Raises:
        UserError: More stages than the network has, or below -1.
    """
    count = len(model.stages) if hasattr(model, "stages") else len(model.indices)
    if not -1 <= frozen_stages <= count:
        raise UserError(
            f"frozen_stages must be from -1 (none) to {count} (all); got {frozen_stages}"
        )
    if frozen_stages < 0:
        return []
    if not hasattr(model, "stages"):  # run as a whole: groups of modules instead of stages
        return [module for group in model.groups()[: frozen_stages + 1] for module in group]
    return [model.stem, *model.stages[:frozen_stages]]


def freeze(module: nn.Module) -> None:
    """Take a module out of training: no gradients, evaluation mode (batch norm keeps still)."""
    module.eval()
    module.requires_grad_(False)


def norms_to_eval(module: nn.Module) -> None:
    """Let every batch norm use and keep its running statistics; gamma and beta still train."""
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.eval()


def freeze_gammas(module: nn.Module) -> None:
    """Take gamma and beta of every batch norm out of training, whatever it is called."""
    for part in module.modules():
        if isinstance(part, _BatchNorm):
            part.requires_grad_(False)
