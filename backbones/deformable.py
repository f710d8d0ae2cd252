"""Deformable convolution: every output pixel samples its neighbours where the image asks for.

Papers: Dai et al., "Deformable Convolutional Networks", ICCV 2017 (arXiv:1703.06211); Zhu, Hu, Lin,
Dai, "Deformable ConvNets v2", CVPR 2019 (arXiv:1811.11168). The kernel is torchvision's.
"""

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from tricklift.errors import UserError


class DeformableConv(nn.Conv2d):
    """A 3x3 convolution without bias that samples at learned offsets.

    Maps ``(N, inputs, H, W)`` to ``(N, outputs, H/s, W/s)``. `weight` is that of the plain 3x3 and
    has its name; `offset` is a 3x3 convolution that predicts, at each output pixel, y and x (in
    pixels) for each of the 9 points. It starts at 0: then this is the plain convolution.

    Args:
        inputs, outputs: Numbers of channels.
        stride, dilation: Of the convolution and of its offsets.
        groups: Of the convolution; all groups share one set of offsets.
        modulated: Version 2: a weight per point too, from a sigmoid that starts at 0.5.

    Source: arXiv:1703.06211, section 2.1; arXiv:1811.11168, section 3.2. Computed in at least
    float32: torchvision's kernel has no bfloat16.
    """

    #: What weights of the plain network lack; the start of these is right for them.
    added = ("offset.weight", "offset.bias")

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        modulated: bool = False,
    ) -> None:
        super().__init__(inputs, outputs, 3, stride, dilation, dilation, groups, bias=False)
        self.modulated = modulated
        predicted = 9 * (3 if modulated else 2)
        self.offset = nn.Conv2d(inputs, predicted, 3, stride, dilation, dilation)

    def start(self) -> None:
        """Start at the regular grid."""
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, torch.float32)
        predicted = self.offset(x)
        offset, weights = predicted[:, :18].to(wide), predicted[:, 18:]
        mask = weights.sigmoid().to(wide) if self.modulated else None
        weight, given = self.weight.to(wide), (self.stride, self.padding, self.dilation)
        return deform_conv2d(x.to(wide), offset, weight, None, *given, mask).to(x.dtype)


def checked_stages(stages: object) -> set[int]:
    """The stages, counted from 0, whose 3x3 convolutions are to be deformable.

    Raises:
        UserError: Not a list or tuple of different numbers from 0 to 3.
    """
    if isinstance(stages, list | tuple) and all(stages.count(i) == 1 for i in stages):
        chosen = {i for i in stages if i in range(4)}
        if len(chosen) == len(stages):
            return chosen
    raise UserError(
        "deformable_stages must be a list of different stages from 0 to 3, e.g. (1, 2, 3); "
        f"got {stages!r}"
    )
