"""Start weights: Xavier or Kaiming, and zero gamma."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from tricklift.errors import UserError


def initialise(model: nn.Module, init: str, zero_gamma: bool = False) -> None:
    """Draw the weights of convolutions and of the head; batch norm starts at gamma 1, beta 0.

    A module with a method ``start`` then sets what it must start from; a residual block with
    ``start_as_shortcut`` does so under `zero_gamma`.

    Args:
        model: The network, changed in place.
        init: ``xavier`` (uniform; the paper, section 2.1) or ``kaiming`` (normal, fan out; the
            authors' public code and torchvision; the head keeps torch's default).
        zero_gamma: Each residual block starts as its shortcut (section 3.1, "Zero gamma").

    Raises:
        UserError: Another `init`.
    """
    if init not in ("xavier", "kaiming"):
        raise UserError(f"init must be 'xavier' (the paper) or 'kaiming'; got {init!r}")
    for module in model.modules():
        if not isinstance(module, nn.Conv2d if init == "kaiming" else nn.Conv2d | nn.Linear):
            continue
        if init == "kaiming":
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        else:
            nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for method in ("start", "start_as_shortcut") if zero_gamma else ("start",):
        for module in model.modules():
            own: Any = getattr(module, method, lambda: None)
            own()


def start_gammas(network: nn.Module, last: Sequence[str] = ()) -> None:
    """Start the norms at these paths at gamma 0, and no other, whatever their library does."""
    for module in network.modules():
        gamma = getattr(module, "weight", None) if "Norm" in type(module).__name__ else None
        if gamma is not None and not gamma.is_meta and not gamma.any():
            nn.init.ones_(gamma)
    for path in last:
        nn.init.zeros_(network.get_submodule(path).weight)  # type: ignore[arg-type]
