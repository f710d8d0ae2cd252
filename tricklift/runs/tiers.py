"""The tiers: which configs `tricklift run` puts together, and on which data."""

from dataclasses import dataclass, field

from tricklift.errors import did_you_mean
from tricklift.ground.schema import RANDOM_INIT


@dataclass(frozen=True)
class Tier:
    """What a tier consists of.

    Attributes:
        data: Data sets that must be prepared.
        rows: Pretraining configs (below `cls/<tier>/`), named `<backbone>-<row>`.
        random_init: Backbone of the row without pretraining.
        teachers: Row -> pretraining config whose export teaches it.
        downstream: Task -> config (below `<task>/<tier>/`).
        configs: The tier whose configs are used.
        options: Task -> `--cfg-options`.
    """

    data: tuple[str, ...]
    rows: tuple[str, ...]
    random_init: str
    downstream: dict[str, str]
    configs: str
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    teachers: dict[str, str] = field(default_factory=dict)


_DOWNSTREAM = {"det": "faster_rcnn_fpn", "seg": "fcn"}
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
TIERS = {
    "mini": Tier(
        ("miniworld",),
        ("resnet18_b-baseline", "resnet18_d-tricks"),
        "resnet18_b",
        _DOWNSTREAM,
        "mini",
    ),
    "small": Tier(
        ("cifar10", "bccd", "camvid"),
        (
            "resnet18_b-standard",
            "resnet18_d-efficient",
            "resnet18_d-cosine",
            "resnet18_d-smooth",
            "resnet18_d-distill",
            "resnet18_d-mixup",
            "resnet18_d-mixup-distill",
        ),
        "resnet18_b",
        _DOWNSTREAM,
        "small",
        teachers={
            "resnet18_d-distill": "resnet34_d-smooth",
            "resnet18_d-mixup-distill": "resnet34_d-smooth",
        },
    ),
    "smoke": Tier(
        ("miniworld",),
        ("resnet18_d-tricks",),
        "resnet18_b",
        _DOWNSTREAM,
        "mini",
        _SMOKE,
    ),
}
#: What stands in the place of a pretraining's name where there is none; `--rows` takes it too.
NO_PRETRAINING = RANDOM_INIT.replace(" ", "-")


def tier_of(name: str) -> Tier:
    """The tier of that name.

    Raises:
        ValueError: There is none.
    """
    if name not in TIERS:
        raise ValueError(
            f"unknown tier {name!r}; known: {', '.join(TIERS)}{did_you_mean(name, TIERS)} (the "
            "paper's full-size configs run one by one: 'tricklift train', 'mim train')"
        )
    return TIERS[name]
