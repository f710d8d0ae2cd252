"""GPU-hours of `tricklift.paper.gpu_hours`, which are those of the paper's V100s, on newer cards.

A card's hours are the V100's, divided by how much faster it trains ResNet-50. What that leaves out:
detection with one or two images a card fills a large card less than ResNet-50 does, a host may read
images slower than the card takes them, and software got faster since the paper (`newer_software`).
"""

from dataclasses import dataclass

from tricklift.paper import numbers
from tricklift.paper.gpu_hours import IMAGENET, gpu_hours
from tricklift.paper.table_cells import resolved


@dataclass(frozen=True)
class Card:
    """A GPU beside a V100.

    Attributes:
        half: How much faster it trains ResNet-50 in mixed precision.
        single: The same in float32; with TF32 for convolutions, torch's default from the A100 on.
        source: Where the factors are from.
    """

    half: float
    single: float
    source: str


#: Images a second of ResNet-50 v1.5 on 8 cards, mixed precision and 32 bits, in one software.
#: Source: NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/README.md (20.12 container).
_V100_RATES, _A100_RATES = (7608, 2851), (15977, 7365)
#: Minutes of MLPerf Training 3.0, ResNet-50, 16 cards each in Dell's servers with the same hosts:
#: A100-SXM-80GB and H100-SXM5-80GB. Mixed precision; 32 bits are taken to gain as much.
#: Source: "MLperf results show H100 v A100 and v Habana Gaudi2 GPUs", silvertonconsulting.com.
_H100_OVER_A100 = 14.4 / 7.8
_A100 = _A100_RATES[0] / _V100_RATES[0], _A100_RATES[1] / _V100_RATES[1]

CARDS = {
    "V100": Card(1.0, 1.0, "the paper's Table 3"),
    "A100": Card(
        _A100[0],
        _A100[1],
        "NVIDIA's DeepLearningExamples, ResNet-50 v1.5 on 8 A100 and on 8 V100",
    ),
    "H100": Card(
        _A100[0] * _H100_OVER_A100,
        _A100[1] * _H100_OVER_A100,
        "the A100's, times MLPerf Training 3.0, ResNet-50 on 16 A100 (14.4 min) and H100 (7.8)",
    ),
}


def hours(name: str, card: str) -> float:
    """GPU-hours of a config of the full tier on a card of `CARDS`."""
    half = resolved(name).optim_wrapper.type == "AmpOptimWrapper"
    chosen = CARDS[card]
    return gpu_hours(name) / (chosen.half if half else chosen.single)


def newer_software() -> tuple[float, float]:
    """How much faster NVIDIA's code of 2020 trains ResNet-50 on 8 V100 than the paper's.

    So far may an estimate be too high where the host keeps up.

    Returns:
        In mixed precision, and in float32.
    """
    row = next(entry for entry in numbers.table(3)["rows"] if entry["row"] == "ResNet-50")
    minutes = row["minutes_per_epoch"], row["baseline_minutes_per_epoch"]
    half, single = (
        rate / (IMAGENET / (60 * took)) for rate, took in zip(_V100_RATES, minutes, strict=True)
    )
    return half, single
