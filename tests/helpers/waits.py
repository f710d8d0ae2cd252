"""Where code of ours waits for a GPU: held without one, on tensors that say they are on it.

torch's `FakeTensorMode` runs all operations without data, and takes a CUDA device without a card.
What waits for a card fails in it (`.item()`, `nonzero`) or is seen by `Watching`: numbers made into
tensors by the host, copies to the card, boolean masks, and linear algebra that checks its result.
`tests/gpu` asks a card itself.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Watching(TorchDispatchMode):
    """Notes what waits for a device, and the copies that do not."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.copies = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.name()
        masks = name.startswith("aten::index") and any(
            isinstance(at, torch.Tensor) and at.dtype in (torch.bool, torch.uint8)
            for at in (args[1] if isinstance(args[1], list | tuple) else args[1:])
        )
        checks = "linalg" in name or name in ("aten::lift_fresh", "aten::equal")
        moves = name == "aten::_to_copy" and kwargs.get("device") not in (None, args[0].device)
        if moves and kwargs.get("non_blocking"):
            self.copies += 1
        elif masks or checks or moves:
            self.waits.append(name)
        return func(*args, **kwargs)
