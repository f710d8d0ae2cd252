"""The switches for a GPU: what to write, and what to expect of it.

None of them can be timed on a machine without one. Each is tested on the CPU on the same way
through the code, from the option on the command line to the trained weights.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["SWITCHES", "Switch", "section"]

AMP = {"optim_wrapper.type": "AmpOptimWrapper", "+optim_wrapper.loss_scale": "dynamic"}


@dataclass(frozen=True)
class Switch:
    """One switch.

    Attributes:
        name: In the words of the field.
        options: Of `--cfg-options` for a classifier.
        downstream: Of `--cfg-options` for a detector or a segmenter.
        expect: What it does, what it costs, and how it was tested.
    """

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
        {**AMP, "+optim_wrapper.dtype": "float16"},
        {**AMP, "+optim_wrapper.dtype": "float16"},
        "The largest gain on cards with tensor cores; the paper's Table 3 has 4.4 minutes an epoch "
        "against 13.3 for ResNet-50 on V100s, with a batch of 1024 against 256. Weights stay in "
        "float32, the loss is scaled dynamically, and a step that overflows is left out: a few are "
        "at the start of every run. Also `--amp`, and the trick `mixed_precision`. "
        "Tested: the same scaler and autocast on the CPU.",
    ),
    Switch(
        "bfloat16",
        {**AMP, "+optim_wrapper.dtype": "bfloat16"},
        {**AMP, "+optim_wrapper.dtype": "bfloat16"},
        "FP16's speed from Ampere on, without overflow; its mantissa has three bits less. "
        "Tested: the benches `step`, `det` and `seg` run in it.",
    ),
    Switch(
        "channels-last",
        {"+model.channels_last": True},
        {"model.backbone.channels_last": True},
        "With FP16 or bfloat16, the layout that tensor cores want: without it cuDNN transposes "
        "before and after each convolution. In plain float32 on a GPU it may gain nothing. "
        "Tested: same weights and results but for rounding; the benches run in it.",
    ),
    Switch(
        "torch.compile",
        {"+compile.mode": "default"},
        {},
        "mmengine compiles the training step; `reduce-overhead` and `max-autotune` are further "
        "modes. It fuses batch norm, ReLU and the additions, which memory bounds on a GPU. The "
        "first iterations take a minute or more, and each new image size compiles again: meant for "
        "long classification runs, not for detection with its changing sizes. Off on the CPU. "
        "Tested: the same option with `+compile.backend=aot_eager`, which traces forward and "
        "backward as on a GPU and needs no compiler.",
    ),
    Switch(
        "fused optimizer",
        {"+optim_wrapper.optimizer.fused": True},
        {"+optim_wrapper.optimizer.fused": True},
        "One kernel updates all weights. The step of SGD is a small part of an iteration, so "
        "expect a few percent at small batches. SGD, Adam and AdamW have it. "
        "Tested: SGD's fused kernel of the CPU gives the same weights but for rounding.",
    ),
    Switch(
        "augmentation on the GPU",
        {"+model.data_preprocessor.jitter.strength": 0.4},
        {},
        "Always on for classification: workers decode, crop and resize in uint8, a quarter of the "
        "bytes of float32 go over the bus, and flip, jitter, PCA noise, normalisation and mixup "
        "run on the model's device. The option shown sets its strength; `jitter=None` leaves it "
        "out. Tested: exactly against a plain per-image reference, and on torch's `meta` device, "
        "where a tensor that stayed behind on the CPU would be an error.",
    ),
)


def section() -> str:
    """The page's section about them."""
    lines = [
        "## Switches for a GPU",
        "Not measured: there was no GPU. Each switch is tested on the CPU on the same way through "
        "the code. They are options of `tricklift train CONFIG --cfg-options ...` and of "
        "`mim train tricklift` (`mim train mmdet` and `mmseg` know no `+`: leave it out), or lines "
        "of a config; they can be given together.",
    ]
    for switch in SWITCHES:
        block = f"### {switch.name}\n\n{switch.expect}\n\n```\n--cfg-options {switch.line()}\n"
        if switch.downstream and switch.downstream != switch.options:
            block += f"--cfg-options {switch.line(downstream=True)}   # detection, segmentation\n"
        lines.append(block + "```")
    return "\n\n".join(lines)
