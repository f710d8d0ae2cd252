"""What others have published of these networks: parameters, MACs and ImageNet top-1, with source.

For comparison and for tests; nothing here is measured by this project. A range of top-1 means that
recipes differ: the first figure is the older one. "timm" is the table results-imagenet.csv of
https://github.com/huggingface/pytorch-image-models with the weights' tag. MACs of timm's table and
of reports made with fvcore count batch norm too, two a value: `norms` says where that is so.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One network's published figures."""

    params: str  # in millions, as printed
    gmacs: float | None  # at the network's input size; None if not at hand
    top1: str  # ImageNet-1k validation, percent, single crop; one figure or ``low-high``
    source: str  # where the top-1 is from
    norms: bool = False  # `gmacs` counts batch norm, two a value


TABLE_5 = "arXiv:1812.01187, Table 5"
HARDNET = "authors' code, README (arXiv:1909.00948)"
REDNET = "arXiv:2103.06255"

PUBLISHED: dict[str, Published] = {
    "resnet50_a": Published("25.56", 3.8, "76.21", TABLE_5),
    "resnet50_b": Published("25.56", 4.1, "76.66", TABLE_5),
    "resnet50_c": Published("25.58", 4.3, "76.87", TABLE_5),
    "resnet50_d": Published("25.58", 4.3, "77.16", TABLE_5),
    "resnext50_32x4d_b": Published("25.03", 4.26, "77.6-79.4", "timm, tv_in1k to gluon_in1k"),
    "seresnet50_b": Published("28.09", 4.11, "77.65", "timm, legacy_seresnet50.in1k"),
    "preresnet50_b": Published("25.55", 4.11, "77.11", "GluonCV model zoo, resnet50_v2"),
    "rednet26": Published("9.23", None, "75.96", REDNET),
    "rednet38": Published("12.39", None, "77.48", REDNET),
    "rednet50": Published("15.54", None, "78.35", REDNET),
    "rednet101": Published("25.65", None, "78.92", REDNET),
    "rednet152": Published("33.98", None, "79.12", REDNET),
    "hardnet39ds": Published("3.49", 0.44, "72.1", HARDNET),
    "hardnet68": Published("17.57", 4.25, "76.5", HARDNET),
    "hardnet68ds": Published("4.18", 0.8, "74.3", HARDNET),
    "hardnet85": Published("36.67", 9.1, "78.0", HARDNET),
    "timm/resnest50d": Published("27.48", 5.40, "80.96", "timm, in1k", norms=True),
    "timm/densenet121": Published("7.98", 2.87, "74.75", "timm, tv_in1k", norms=True),
    "timm/dpn68": Published("12.61", 2.35, "76.30", "timm, mx_in1k", norms=True),
    "timm/res2net50_26w_4s": Published("25.70", 4.28, "77.99", "arXiv:1904.01169", norms=True),
    "timm/inception_v3": Published(
        "23.83", 5.73, "77.5-78.8", "timm, tv_in1k to gluon_in1k", norms=True
    ),
    "timm/mobilenetv1_100": Published(
        "4.23", 0.58, "70.6-75.4", "arXiv:1704.04861; timm, ra4_e3600_r224_in1k", norms=True
    ),
    "timm/vgg19": Published("143.67", 19.63, "72.40", "timm, tv_in1k"),
    "timm/vgg19_bn": Published("143.68", None, "74.22", "timm, tv_in1k"),
    "timm/legacy_seresnet50": Published("28.09", None, "77.64", "timm, in1k"),
}
