"""The tiers: which configs `tricklift run` puts together, and on which data."""

from dataclasses import dataclass, field

from tricklift.errors import UserError, did_you_mean
from tricklift.records.schema import RANDOM_INIT


@dataclass(frozen=True)
class Network:
    """A backbone that stands in the place of a row's own.

    Attributes:
        name: Of `tricklift backbones`, or any `timm/NAME`.
        suffix: Tells it from the plain network of that name.
        config: Pretraining config in the place of the row's, or None.
        options: Task -> `--cfg-options`, what it needs beside its name.
    """

    name: str
    suffix: str = ""
    config: str | None = None
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the command line calls it."""
        return self.name + self.suffix

    @property
    def label(self) -> str:
        """What its jobs and files are called."""
        return self.key.replace("/", "_")


@dataclass(frozen=True)
class Tier:
    """What a tier consists of.

    Attributes:
        rows: Pretraining configs (below `cls/<configs>/`), named `<backbone>-<row>`.
        configs: The tier whose configs are used.
        data: Data sets that must be prepared.
        options: Task -> `--cfg-options`.
        random_init: Backbone of the row without pretraining; None: there is one only if asked for.
        teachers: Row -> pretraining config whose export teaches it.
        networks: Each row is run with each of these in the place of its own network.
    """

    rows: tuple[str, ...]
    configs: str = "mini"
    data: tuple[str, ...] = ("miniworld",)
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    random_init: str | None = "resnet18_b"
    teachers: dict[str, str] = field(default_factory=dict)
    networks: tuple[Network, ...] = ()


#: Task after pretraining -> its config (below `<task>/<configs>/`).
DOWNSTREAM = {"det": "faster_rcnn_fpn", "seg": "fcn"}
#: A few steps each: says whether all of it runs here, and nothing about quality.
_SMOKE = {
    "cls": (
        "benchmark.tier=smoke",
        "train_dataloader.batch_size=32",
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
    ),
    "det": ("benchmark.tier=smoke", "train_cfg.max_epochs=1", "train_cfg.val_interval=1"),
    "seg": ("benchmark.tier=smoke", "train_cfg.max_iters=2", "train_cfg.val_interval=2"),
}
#: Long enough to see that each network learns, and no longer: 187, 100 and 60 steps.
_ZOO = {
    "cls": ("benchmark.tier=zoo",),
    "det": (
        "benchmark.tier=zoo",
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
        "param_scheduler.0.end=20",
        "param_scheduler.1.T_max=1",
        "param_scheduler.1.end=1",
    ),
    "seg": (
        "benchmark.tier=zoo",
        "train_dataloader.batch_size=4",
        "train_cfg.max_iters=60",
        "train_cfg.val_interval=60",
        "param_scheduler.0.end=60",
    ),
}
_DEFORMABLE = ("model.backbone.deformable_stages=[3]",)
#: The smallest network of each family of ours, and the listed networks of timm.
_ONE_A_FAMILY = (
    Network("resnet18_b"),
    Network("seresnet18_b"),
    Network("preresnet18_b"),
    Network("hardnet39ds"),
    Network("timm/mobilenetv1_100"),
    Network("timm/densenet121"),
    Network("timm/dpn68"),
    Network(
        "timm/inception_v3",
        config="inception_v3-adamw",
        options={"seg": ("model.backbone.output_stride=32",)},
    ),
    Network("resnext50_32x4d_b"),
    Network("timm/legacy_seresnet50"),
    Network("timm/res2net50_26w_4s"),
    Network("timm/resnest50d"),
    Network("rednet26"),
    Network("dcdc_resnet50_b"),
    Network("resnet18_b", "+deformable", options=dict.fromkeys(("cls", "det", "seg"), _DEFORMABLE)),
    Network("timm/vgg19_bn"),
)
TIERS = {
    "mini": Tier(("resnet18_b-baseline", "resnet18_d-tricks")),
    "small": Tier(
        (
            "resnet18_b-standard",
            "resnet18_d-efficient",
            "resnet18_d-cosine",
            "resnet18_d-smooth",
            "resnet18_d-distill",
            "resnet18_d-mixup",
            "resnet18_d-mixup-distill",
        ),
        "small",
        ("cifar10", "bccd", "camvid"),
        teachers=dict.fromkeys(
            ("resnet18_d-distill", "resnet18_d-mixup-distill"), "resnet34_d-smooth"
        ),
    ),
    "smoke": Tier(("resnet18_d-tricks",), options=_SMOKE),
    "zoo": Tier(("resnet18_b-adamw",), options=_ZOO, random_init=None, networks=_ONE_A_FAMILY),
}
#: What stands in the place of a pretraining's name where there is none; `--rows` takes it too.
NO_PRETRAINING = RANDOM_INIT.replace(" ", "-")


def tier_of(name: str) -> Tier:
    """The tier of that name.

    Raises:
        UserError: There is none.
    """
    if name not in TIERS:
        raise UserError(
            f"unknown tier {name!r}; known: {', '.join(TIERS)}{did_you_mean(name, TIERS)} (the "
            "paper's full-size configs run one by one: 'tricklift train', 'mim train')"
        )
    return TIERS[name]
