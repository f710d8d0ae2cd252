"""The tiers: which configs `tricklift run` puts together, and on which data.

A tier is a file of data (`docs/tiers.md`): a provided one, `configs/tiers/NAME.yaml`, or one's own,
given by its path. `tier_file` reads it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tricklift.errors import UserError, did_you_mean
from tricklift.records.schema import RANDOM_INIT

#: Tasks downstream of a pretraining.
DOWNSTREAM = ("det", "seg")
#: What stands in the place of a pretraining's name where there is none; `--rows` takes it too.
NO_PRETRAINING = RANDOM_INIT.replace(" ", "-")

Options = tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A backbone that stands in the place of a row's own.

    Attributes:
        name: Of `tricklift list backbones`, or any `timm/NAME`.
        suffix: Tells it from the plain network of that name.
        config: Pretraining config in the place of the row's, or None.
        options: Task -> `--cfg-options`, what it needs beside its name.
    """

    name: str
    suffix: str = ""
    config: str | None = None
    options: dict[str, Options] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the command line calls it."""
        return self.name + self.suffix

    @property
    def label(self) -> str:
        """What its jobs and files are called."""
        return self.key.replace("/", "_")


@dataclass(frozen=True)
class Head:
    """A config downstream: a detector or a segmenter.

    Attributes:
        name: What `--heads` and its jobs call it; the task, where the tier has one of that task.
        task: `det` or `seg`.
        config: Short name or path.
        tricks: Laid over the config.
        options: `--cfg-options`.
        data: Data sets in the place of the tier's.
    """

    name: str
    task: str
    config: str
    tricks: tuple[str, ...] = ()
    options: Options = ()
    data: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Of its runs below the output folder: `det`, or `det-c4`."""
        return self.task if self.name == self.task else f"{self.task}-{self.name}"


@dataclass(frozen=True)
class Row:
    """A pretraining, or a teacher.

    Attributes:
        name: What `--rows` and its jobs call it.
        config: Short name or path.
        backbone: Of `tricklift list backbones`, or any `timm/NAME`.
        recipe: What its jobs are called behind the name of another network.
        title: What the table calls it; None: as its config says.
        teacher: Name of the row or teacher whose export teaches it.
        downstream: Name of a head -> config of the runs from this row.
        tricks: Laid over the config.
        options: `--cfg-options`.
        data: Data sets in the place of the tier's.
    """

    name: str
    config: str
    backbone: str
    recipe: str
    title: str | None = None
    teacher: str | None = None
    downstream: dict[str, str] = field(default_factory=dict)
    tricks: tuple[str, ...] = ()
    options: Options = ()
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """A row that starts from given weights: nothing is pretrained.

    Attributes:
        name: What `--rows` and its jobs call it.
        backbone: Of `tricklift list backbones`, or any `timm/NAME`.
        checkpoint: Of these the first that is there: a file below the folder of the data sets or
            TRICKLIFT_DATA, or a name such as `timm/resnet50`.
        options: Task -> `--cfg-options` of the runs from it.
    """

    name: str
    backbone: str
    checkpoint: tuple[str, ...]
    options: dict[str, Options] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """What a tier's table should show, for `tricklift compare`.

    Attributes:
        row: As the table calls it.
        against: The row that it is compared with, as the table calls it.
        metric: top1, mAP, pixAcc or mIoU.
        sign: `+`, `-` or `0`.
    """

    row: str
    against: str
    metric: str
    sign: str


@dataclass(frozen=True)
class Tier:
    """What a tier consists of.

    Attributes:
        name: Also that of its results.
        about: One line.
        rows: Pretrainings, in the table's order.
        heads: Detectors and segmenters that start from each.
        data: Task -> data sets that must be there.
        teachers: By name; they fill no row.
        random_init: Backbones of the rows without pretraining.
        weights: Rows from given weights.
        networks: Each row is run with each of these in the place of its own network.
        seeds: Of the pretrainings, unless the command says others.
        downstream_seeds: Of what follows, from each pretraining; empty: the pretraining's.
        options: Task -> `--cfg-options`.
        paired: Whether its rows are compared within seeds (docs/statistics.md).
        claims: What its table should show.
        provided: Whether it comes with tricklift.
    """

    name: str
    about: str = ""
    rows: tuple[Row, ...] = ()
    heads: tuple[Head, ...] = ()
    data: dict[str, tuple[str, ...]] = field(default_factory=dict)
    teachers: dict[str, Row] = field(default_factory=dict)
    random_init: tuple[str, ...] = ()
    weights: tuple[Weights, ...] = ()
    networks: tuple[Network, ...] = ()
    seeds: tuple[int, ...] = (0,)
    downstream_seeds: tuple[int, ...] = ()
    options: dict[str, Options] = field(default_factory=dict)
    paired: bool = False
    claims: tuple[Claim, ...] = ()
    provided: bool = False

    def teacher_of(self, row: Row) -> Row | None:
        """The row or teacher whose export teaches a row."""
        if row.teacher is None:
            return None
        every = {**{other.name: other for other in self.rows}, **self.teachers}
        return every[row.teacher]

    def row_names(self) -> list[str]:
        """What `--rows` takes, in the table's order."""
        given = [*(row.name for row in self.rows), *(held.name for held in self.weights)]
        several = len(self.random_init) > 1
        return [*given, NO_PRETRAINING, *(self.random_rows() if several else ())]

    def random_rows(self) -> dict[str, str]:
        """Rows without pretraining and their backbones; of several, each says which."""
        if len(self.random_init) == 1:
            return {NO_PRETRAINING: self.random_init[0]}
        return {f"{NO_PRETRAINING}-{Network(name).label}": name for name in self.random_init}

    def chosen_heads(self, names: Iterable[str] | None) -> tuple[Head, ...]:
        """The heads of those names; a task's name stands for all of that task; None: all.

        Raises:
            UserError: There is no such head.
        """
        if names is None:
            return self.heads
        wanted = set(names)
        known = {word: None for head in self.heads for word in (head.name, head.task)}
        for name in sorted(wanted - known.keys()):
            raise UserError(
                f"--heads: unknown head {name!r}; the tier has {', '.join(known)}"
                f"{did_you_mean(name, known)}"
            )
        return tuple(head for head in self.heads if {head.name, head.task} & wanted)
