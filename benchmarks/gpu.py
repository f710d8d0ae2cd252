"""The switches for a GPU: what to write, and what to expect of it.

Each is tested on the CPU on the same way through the code, from the option on the command line to
the trained weights, and on a card by `tests/gpu`.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["SWITCHES", "Switch", "section"]

AMP = {"optim_wrapper.type": "AmpOptimWrapper", "+optim_wrapper.loss_scale": "dynamic"}
FP16 = {**AMP, "+optim_wrapper.dtype": "float16"}
BF16 = {**AMP, "+optim_wrapper.dtype": "bfloat16"}
FUSED = {"+optim_wrapper.optimizer.fused": True}


@dataclass(frozen=True)
class Switch:
    """One switch: its name, `--cfg-options` of a classifier and of a detector or segmenter."""

    name: str
    options: dict[str, Any]
    downstream: dict[str, Any]
    expect: str

    def line(self, downstream: bool = False) -> str:
        """The options as they are typed."""
        chosen = self.downstream if downstream else self.options
        return " ".join(f"{key}={value}" for key, value in chosen.items())


SWITCHES = (
    Switch(
        "FP16",
        FP16,
        FP16,
        "The largest gain on cards with tensor cores: the paper's Table 3 has 4.4 minutes an epoch "
        "against 13.3 for ResNet-50 on V100s, with a batch of 1024 against 256. Weights stay in "
        "float32, and the first steps, which overflow, are left out. Also `--amp`, and the trick "
        "`mixed_precision`.",
    ),
    Switch(
        "bfloat16",
        BF16,
        BF16,
        "FP16's speed from Ampere on, without overflow; its mantissa has three bits less.",
    ),
    Switch(
        "channels-last",
        {"+model.channels_last": True},
        {"model.backbone.channels_last": True},
        "With FP16 or bfloat16 the layout that tensor cores want; in float32 it may gain nothing.",
    ),
    Switch(
        "torch.compile",
        {"+compile.mode": "default"},
        {},
        "Fuses what memory bounds: norms, ReLU, additions. The first iterations take a minute or "
        "more, and so does each new image size: for long classification runs, not for detection.",
    ),
    Switch(
        "fused optimizer",
        FUSED,
        FUSED,
        "One kernel updates all weights: a few percent at small batches.",
    ),
    Switch(
        "augmentation on the GPU",
        {"+model.data_preprocessor.jitter.strength": 0.4},
        {},
        "Always on for classification: uint8 goes over the bus, and flip, jitter, noise, "
        "normalisation and mixup run on the card. The option sets the strength of the jitter.",
    ),
)


def section() -> str:
    """The section of docs/gpu.md about them."""
    lines = [
        "## Switches for a GPU",
        "Options of `tricklift train CONFIG --cfg-options ...` and of `mim train tricklift` (`mim "
        "train mmdet` and `mmseg` know no `+`: leave it out), or lines of a config; they can be "
        "given together. What to expect is not measured.",
    ]
    for switch in SWITCHES:
        block = f"### {switch.name}\n\n{switch.expect}\n\n```\n--cfg-options {switch.line()}\n"
        if switch.downstream and switch.downstream != switch.options:
            block += f"--cfg-options {switch.line(downstream=True)}   # detection, segmentation\n"
        lines.append(block + "```")
    return "\n\n".join(lines)
