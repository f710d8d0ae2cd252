"""Frozen modules and frozen batch norm: mmdet's ``norm_eval``, and ``norm_frozen``, by type."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


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
