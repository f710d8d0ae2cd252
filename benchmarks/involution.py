"""Involution in three forms, and what each costs: ``python -m benchmarks involution``.

`naive` is the definition, for correctness; the other two are those of `backbones.involution`. What
the command prints is ``docs/results/involution.md``.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from backbones.involution import GROUP_CHANNELS, shifted, unfolded
from benchmarks.measure import kept_bytes, lap
from tricklift.errors import UserError

Form = Callable[[Tensor, Tensor, int, int], Tensor]
Size = tuple[int, ...]  # N, C, H, W

#: Inputs of the involutions in RedNet-50, 4 images of 224 px.
STAGES: tuple[Size, ...] = ((4, 64, 56, 56), (4, 128, 28, 28), (4, 256, 14, 14), (4, 512, 7, 7))


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


def cost(form: Form, size: Size, kernel: int = 7) -> dict[str, float]:
    """Measure one forward and backward pass on random numbers, on the CPU in float32.

    Returns:
        ``kept``: what the forward pass leaves for the backward pass, and ``peak``: the most that is
        in use at once beside the inputs; both in sizes of the input. ``seconds``: CPU time of all
        threads, the best of three.
    """
    generator = torch.Generator().manual_seed(0)
    count, channels, *sides = size
    x = torch.randn(size, generator=generator).requires_grad_()
    shape = (count, channels // GROUP_CHANNELS, kernel**2, *sides)
    kernels = torch.randn(shape, generator=generator).requires_grad_()

    def work() -> None:
        form(x, kernels, 1, 1).sum().backward()

    kept = kept_bytes(lambda: form(x, kernels, 1, 1))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events: Any = profiler.profiler.kineto_results.events()  # allocations, releases as negative
    steps = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    peak = max(accumulate(step for _, step in steps))
    unit = x.untyped_storage().nbytes()
    seconds = min(lap(work).cpu for _ in range(3))
    return {"kept": kept / unit, "peak": peak / unit, "seconds": seconds}


def error(form: Form) -> float:
    """The largest difference from the definition, over its largest value, in float32."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 32, 9, 7, generator=generator)
    kernels = torch.randn(1, 2, 49, 9, 7, generator=generator)
    exact = naive(x.double(), kernels.double())
    return float((form(x, kernels, 1, 1) - exact).abs().max() / exact.abs().max())


def page(sizes: Sequence[Size], kernel: int = 7) -> str:
    """What both forms cost and how exact they are, as a page in Markdown."""
    forms: dict[str, Form] = {"unfold": unfolded, "ours": shifted}
    lines = []
    for size in sizes:
        found = {name: cost(form, size, kernel) for name, form in forms.items()}
        for name, row in found.items():
            numbers = f"{row['kept']:.1f} | {row['peak']:.1f} | {row['seconds']:.3f}"
            ratio = row["seconds"] / found["unfold"]["seconds"]
            lines.append(f"| {' x '.join(map(str, size))} | {name} | {numbers} | {ratio:.2f} |")
    errors = ", ".join(f"{name} {error(form):.0e}" for name, form in forms.items())
    machine = f"{torch.get_num_threads()} threads, torch {torch.__version__}"
    return PAGE.format(kernel=kernel, machine=machine, lines="\n".join(lines), errors=errors)


PAGE = """# Involution: what our formulation costs

Written by `python -m benchmarks involution > docs/results/involution.md`.

A forward and a backward pass of an involution with kernel {kernel} in float32 on a CPU
({machine}). Memory is in sizes of the input: what the forward
pass keeps for the backward pass, and the most in use at once beside the inputs. Time is CPU
seconds, the best of three, also over that of `unfold`, the form that the authors publish for
PyTorch, and which runs on a GPU. Ours sums shifted views of the input.

| input | form | kept | peak | seconds | time over unfold |
| --- | --- | ---: | ---: | ---: | ---: |
{lines}

The inputs are those of RedNet-50's four stages at 224 px. Largest difference from the definition,
computed number by number in float64, over its largest value: {errors}.
"""


def involution(
    kernel: Annotated[int, typer.Option(min=1, help="K, odd.")] = 7,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,C,H,W",
            help="Of an input; may be repeated.  [default: RedNet-50's stages, 4 images of 224 px]",
        ),
    ] = None,
) -> None:
    """Print what each form of an involution costs, as docs/results/involution.md has it."""
    sizes = []
    for text in size or ():
        parts = text.split(",")
        if len(parts) != 4 or not all(part.isdigit() for part in parts):
            raise UserError(f"--size takes N,C,H,W such as 4,64,56,56, got {text!r}")
        sizes.append(tuple(map(int, parts)))
    print(page(sizes or STAGES, kernel), end="")
