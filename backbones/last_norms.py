"""Which norms stand last in a residual block, read off the graph that autograd records.

No table of class names: where two maps are added and one of them is the shortcut of the other, the
norm that the other ends in is the one whose gamma zero-gamma sets to 0. So it is known of any
network that runs, whatever its library calls its parts or starts them at.
"""

from typing import Any

import torch
from torch import nn

Node = Any

NORMS = ("NativeBatchNorm", "NativeGroupNorm", "NativeLayerNorm", "FusedRmsNorm")
SHAPES = ("View", "UnsafeView", "Permute", "Transpose", "Clone", "Alias", "Roll", "Index")
POOLS = ("AvgPool2D", "MaxPool2DWithIndices")
#: What a projection in a shortcut may consist of.
PROJECTION = (*NORMS, *SHAPES, *POOLS, "Convolution", "Addmm", "ConstantPadNd", "ReflectionPad2D")
#: What may stand between the last norm and the sum: nothing that a gamma of 0 cuts off from its
#: gradient, as ReLU does.
BEHIND = (*SHAPES, *POOLS, "Mul", "Div", "Silu", "LeakyRelu", "Hardswish", "Gelu")


def last_norms(network: nn.Module, size: int) -> list[str]:
    """Paths of the norms that are the last of a residual block, in the order in which they run.

    Args:
        network: On the meta device, where running it costs nothing; left in evaluation mode.
        size: Side of an image that it takes, in pixels.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    logits = network.eval()(torch.empty(1, 3, size, size, device="meta"))
    before: dict[Node, set[Node]] = {}  # what each node depends on
    found: dict[str, None] = {}
    for node in _in_order(logits.grad_fn):
        given = _inputs(node)
        before[node] = set(given).union(*(before[one] for one in given))
        if _kind(node) != "Add" or len(given) != 2:
            continue
        a, b = given
        if (shortcut := _is_shortcut(a, before[b])) == _is_shortcut(b, before[a]):
            continue  # parallel branches, or maps of another origin
        weights = {names[w] for w in _last_weights(b if shortcut else a) if w in names}
        if len(weights) == 1:
            found[weights.pop().removesuffix(".weight")] = None
    return list(found)


def _kind(node: Node) -> str:
    return type(node).__name__.partition("Backward")[0]


def _inputs(node: Node) -> list[Node]:
    return [given for given, _ in node.next_functions if given is not None]


def _in_order(last: Node) -> list[Node]:
    """The nodes that `last` depends on, each behind its inputs."""
    done: dict[Node, None] = {}
    stack = [(last, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            done[node] = None
        elif node not in done:
            stack += [(node, True), *((given, False) for given in _inputs(node))]
    return list(done)


def _is_shortcut(path: Node, other: set[Node]) -> bool:
    """Whether `path` is what the other path depends on, or nothing but a projection of it."""
    while path not in other:
        if _kind(path) not in PROJECTION or not _inputs(path):
            return False
        path = _inputs(path)[0]
    return True


def _last_weights(path: Node) -> set[int]:
    """Of the norms that a path ends in, the ids of the weights."""
    if _kind(path) in NORMS:
        scale = [n for n in _inputs(path) if hasattr(n, "variable")][:1]
        return {id(n.variable) for n in scale}
    if _kind(path) not in BEHIND:
        return set()
    return set().union(*(_last_weights(given) for given in _inputs(path)))
