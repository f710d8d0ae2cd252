"""Involution in three forms, and what each costs: ``python -m backbones.involution_forms``.

`naive` is the definition, for correctness; `unfolded` is the published PyTorch form; ours is
`backbones.involution.involve`.
"""

import argparse
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

from backbones.involution import GROUP_CHANNELS, involve

Form = Callable[[Tensor, Tensor, int, int], Tensor]


def naive(x: Tensor, kernels: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """`involve` as its definition says, one number after the other."""
    (count, channels, height, width), (groups, taps) = x.shape, kernels.shape[1:3]
    side, out_size = round(taps**0.5), kernels.shape[3:]
    out = x.new_zeros(count, channels, *out_size)
    for n, c, i, j in torch.cartesian_prod(*map(torch.arange, out.shape)).tolist():
        for tap in range(taps):
            y = i * stride + dilation * (tap // side - side // 2)
            z = j * stride + dilation * (tap % side - side // 2)
            if 0 <= y < height and 0 <= z < width:
                weight = kernels[n, c // (channels // groups), tap, i, j]
                out[n, c, i, j] += weight * x[n, c, y, z]
    return out


def unfolded(x: Tensor, kernels: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """`involve` through a K*K-fold copy of the input (Li et al. 2021, algorithm 1)."""
    count, groups, taps, height, width = kernels.shape
    side = round(taps**0.5)
    copies = F.unfold(x, side, dilation, dilation * (side // 2), stride)
    copies = copies.view(count, groups, -1, taps, height, width)
    return (copies * kernels.unsqueeze(2)).sum(3).flatten(1, 2)


def cost(form: Form, size: tuple[int, int, int, int], kernel: int = 7) -> dict[str, float]:
    """Measure one forward and backward pass on random numbers, on the CPU in float32.

    Args:
        form: What to measure.
        size: Of the input, ``(N, C, H, W)``.
        kernel: K.

    Returns:
        ``kept``: what the forward pass leaves for the backward pass, and ``peak``: the most that is
        in use at once beside the inputs; both in sizes of the input. ``seconds``: the best of
        three.
    """
    generator = torch.Generator().manual_seed(0)
    count, channels, *sides = size
    x = torch.randn(size, generator=generator).requires_grad_()
    shape = (count, channels // GROUP_CHANNELS, kernel**2, *sides)
    kernels = torch.randn(shape, generator=generator).requires_grad_()

    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        out = form(x, kernels, 1, 1)  # alive until its saved tensors are counted
    del out
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        form(x, kernels, 1, 1).sum().backward()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        form(x, kernels, 1, 1).sum().backward()
        seconds.append(time.perf_counter() - start)
    unit = x.untyped_storage().nbytes()
    return {
        "kept": sum(kept.values()) / unit,
        "peak": _peak(profiler) / unit,
        "seconds": min(seconds),
    }


def _peak(profiler: Any) -> int:
    """The most bytes in use at once, from the profiler's list of allocations and releases."""
    events = profiler.profiler.kineto_results.events()
    steps = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return max(accumulate(step for _, step in steps))


def main() -> None:
    """Print what `unfolded` and ours cost, as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=4, default=(8, 64, 56, 56), metavar="N C H W")
    parser.add_argument("--kernel", type=int, default=7)
    given = parser.parse_args()
    print(f"input {tuple(given.size)}, kernel {given.kernel}; memory in sizes of the input")
    print(f"{'form':<10}{'kept':>8}{'peak':>8}{'seconds':>10}")
    for name, form in (("unfold", unfolded), ("ours", involve)):
        row = cost(form, tuple(given.size), given.kernel)
        print(f"{name:<10}{row['kept']:>8.1f}{row['peak']:>8.1f}{row['seconds']:>10.3f}")


if __name__ == "__main__":
    main()
