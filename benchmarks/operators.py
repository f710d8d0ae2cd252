"""Where the time of a call goes, by groups of torch's operators: what limits a ratio."""

from benchmarks.measure import Work

#: Group -> parts of its operators' names, the first group that fits counts.
GROUPS = {
    "convolutions": ("convolution", "conv2d"),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "batch norm": ("batch_norm",),
    "casts and copies": ("aten::copy_",),
    "resizing": ("upsample",),
    "softmax": ("softmax",),
    "box suppression": ("torchvision::nms",),
}
REST = "the rest"


def times(work: Work) -> dict[str, float]:
    """Milliseconds of one call in each group, without the operators that each calls."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    found = dict.fromkeys((*GROUPS, REST), 0.0)
    for event in profiler.key_averages():
        found[group_of(event.key)] += event.self_cpu_time_total / 1000
    return found


def group_of(operator: str) -> str:
    """The group of an operator, by its name; `evaluate_function` is autograd's frame around one."""
    if "evaluate_function" in operator:
        return REST
    for group, parts in GROUPS.items():
        if any(part in operator for part in parts):
            return group
    return REST


def beside(own: dict[str, float], other: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Group -> milliseconds of two calls, as `times` gives them; without empty groups."""
    return {name: (own[name], other[name]) for name in own if own[name] + other[name] > 0}


def limit(parts: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """The ratio that convolutions and matrix products have alone, and their share of our time."""
    arithmetic = [parts[name] for name in ("convolutions", "matrix products") if name in parts]
    own, other = (sum(pair[side] for pair in arithmetic) for side in (0, 1))
    return (other / own if own else 0.0), own / sum(pair[0] for pair in parts.values())
