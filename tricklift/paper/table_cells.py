"""Every cell of the paper's tables: which config computes it, and the paper's value for it.

One declarative list, `CELLS`. Cells that are the same run share a config: Table 4's first row at
batch 256 is Table 2's baseline, Table 5's D is Table 6's efficient and the D-efficient of Tables 8
and 9. Cells without a value of the paper (FPN, PSPNet) are this suite's extensions.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tricklift import configs
from tricklift.errors import UserError
from tricklift.paper import numbers

#: What the paper's classifiers were trained on, and what the commands say: 8 GPUs on one host.
GPUS = 8
PACKAGES = {"cls": "tricklift", "det": "mmdet", "seg": "mmseg"}
TOP = ("top1", "top5")


@dataclass(frozen=True)
class Cell:
    """One cell (a run with its metrics) of a table.

    Attributes:
        table: Number of the paper's table.
        row: The row's name in `numbers.json`.
        network: Name for `backbones.build`.
        config: Short name of the leaf config.
        columns: Metric -> column of `numbers.json`; empty for an extension.
        setting: What tells this cell from others of the row: batch, recipe or head.
        needs: Short names of the configs whose exports it starts from (weights or teacher).
    """

    table: str
    row: str
    network: str
    config: str
    columns: dict[str, str] = field(default_factory=dict)
    setting: str = ""
    needs: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """cls, det or seg."""
        return self.config.partition("/")[0]

    @property
    def command(self) -> str:
        """What runs it on 8 GPUs of one host."""
        package = PACKAGES[self.task]
        return (
            f"mim train {package} $(tricklift config path {self.config}) --gpus {GPUS} "
            "--launcher pytorch"
        )

    @property
    def paper(self) -> dict[str, float | None] | None:
        """The paper's values by metric; None for an extension."""
        if not self.columns:
            return None
        found = next(r for r in numbers.table(self.table)["rows"] if r["row"] == self.row)
        return {metric: found[column] for metric, column in self.columns.items()}


def columns(prefix: str = "", metrics: tuple[str, ...] = TOP) -> dict[str, str]:
    """Metric -> prefixed column."""
    return {metric: prefix + metric for metric in metrics}


#: The paper's name, ours for `backbones.build`, and the prefix of its config files.
NETWORKS = (
    ("ResNet-50", "resnet50_a", "resnet50_a"),
    ("Inception-V3", "timm/inception_v3", "inception_v3"),
    ("MobileNet", "timm/mobilenetv1_100", "mobilenet_v1"),
)
#: Table 4's rows, with the config at batch 256 and at 1024.
LADDER = (
    ("linear scaling", "resnet50_a-baseline", "resnet50_a-bs1024-linear_scaling"),
    ("+ warmup", "resnet50_a-bs256-warmup", "resnet50_a-bs1024-warmup"),
    ("+ zero gamma", "resnet50_a-bs256-zero_gamma", "resnet50_a-bs1024-zero_gamma"),
    ("+ no bias decay", "resnet50_a-bs256-no_bias_decay", "resnet50_a-bs1024-no_bias_decay"),
    ("+ FP16", "resnet50_a-bs256-fp16", "resnet50_a-efficient"),
)
#: Table 6's rows, with the ending of the configs and the config of the teacher.
REFINEMENTS = (
    ("efficient", "efficient", None),
    ("+ cosine", "cosine", None),
    ("+ label smoothing", "smooth", None),
    ("+ distill w/o mixup", "distill", "cls/full/resnet152_d-smooth"),
    ("+ mixup w/o distill", "mixup", None),
    ("+ mixup w/ distill", "mixup-distill", "cls/full/resnet152_d-mixup"),
)
#: The rows of Tables 8 and 9, with network and ending of the configs.
TRANSFER = (
    ("B-standard", "resnet50_b", "standard"),
    ("D-efficient", "resnet50_d", "efficient"),
    ("+ cosine", "resnet50_d", "cosine"),
    ("+ smooth", "resnet50_d", "smooth"),
    ("+ distill w/o mixup", "resnet50_d", "distill"),
    ("+ mixup w/o distill", "resnet50_d", "mixup"),
    ("+ mixup w/ distill", "resnet50_d", "mixup-distill"),
)
#: Table, head, config, and the metrics where the paper has this head.
HEADS = (
    ("8", "C4", "det/full/faster_rcnn_c4", ("voc_map",)),
    ("8", "FPN", "det/full/faster_rcnn_fpn", ()),
    ("9", "FCN", "seg/full/fcn", ("pix_acc", "miou")),
    ("9", "PSPNet", "seg/full/pspnet", ()),
)
#: Configs that fill no cell: the teachers of the rows with distillation.
TEACHERS = (
    "cls/full/resnet152_d-smooth",
    "cls/full/resnet152_d-mixup",
    "cls/full/resnet152_d-places365-mixup",
)
_MINUTES = ("minutes_per_epoch",)
_PLACES = {**columns("val_"), "test_top1": "test_top1", "test_top5": "test_top5"}

CELLS = (
    *(
        Cell("2", row, network, f"cls/full/{file}-baseline", columns())
        for row, network, file in NETWORKS
    ),
    *(
        Cell("3", row, network, f"cls/full/{file}-{kind}", columns(prefix, TOP + _MINUTES), kind)
        for row, network, file in NETWORKS
        for kind, prefix in (("efficient", ""), ("baseline", "baseline_"))
    ),
    *(
        Cell("4", row, "resnet50_a", f"cls/full/{file}", columns(f"bs{batch}_"), f"batch {batch}")
        for row, *files in LADDER
        for batch, file in zip((256, 1024), files, strict=True)
    ),
    *(
        Cell("5", row, f"resnet50_{variant}", f"cls/full/resnet50_{variant}-efficient", columns())
        for row, variant in zip(
            ("ResNet-50", "ResNet-50-B", "ResNet-50-C", "ResNet-50-D"), "abcd", strict=True
        )
    ),
    *(
        Cell(
            "6",
            row,
            network,
            f"cls/full/{file}-{ending}",
            columns(prefix),
            needs=(teacher,) if teacher else (),
        )
        for row, ending, teacher in REFINEMENTS
        for network, file, prefix in (
            ("resnet50_d", "resnet50_d", "resnet50_d_"),
            ("timm/inception_v3", "inception_v3", "inception_v3_"),
            ("timm/mobilenetv1_100", "mobilenet_v1", "mobilenet_"),
        )
    ),
    *(
        Cell("7", row, "resnet50_d", f"cls/full/resnet50_d-places365-{row}", _PLACES, needs=needs)
        for row, needs in (("efficient", ()), ("best", ("cls/full/resnet152_d-places365-mixup",)))
    ),
    *(
        Cell(
            table,
            row,
            network,
            f"{config}-{network[-1]}-{ending}",
            columns("", ("top1", *metrics)) if metrics else {},
            head,
            (f"cls/full/{network}-{ending}",),
        )
        for table, head, config, metrics in HEADS
        for row, network, ending in TRANSFER
    ),
)


def cells(*tables: str) -> list[Cell]:
    """The cells of these tables; of all where none is named.

    Raises:
        UserError: The paper's data has no such table.
    """
    known = list(dict.fromkeys(cell.table for cell in CELLS))
    for table in tables:
        if table not in known:
            raise UserError(f"no table {table!r}; there are {', '.join(known)}")
    return [cell for cell in CELLS if not tables or cell.table in tables]


def needs_of(config: str) -> tuple[str, ...]:
    """Short names of the configs whose exports a provided config starts from, or learns from."""
    return next((cell.needs for cell in CELLS if cell.config == config), ())


@cache
def resolved(name: str) -> Any:
    """The resolved config of a short name, read once; do not change it.

    Its folders are those of the first reader's environment: `read` it anew where they matter.
    """
    return read(name)


def read(name: str) -> Any:
    """The resolved config of a short name, with the folders of the environment as it is now."""
    from mmengine.config import Config

    with configs.silently():
        return Config.fromfile(str(configs.find_config(name)), import_custom_modules=False)
