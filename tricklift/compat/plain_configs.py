"""Configs as data: JSON or YAML, from anybody, read without running code.

A Python config is a program. One in JSON or YAML is not, but mmengine makes it one: its YAML reader
builds any Python object, a `_base_` may be a Python file, `custom_imports` imports anything, and a
`type` such as ``os.system`` is imported and called. Here such a file holds what `tricklift config
show` prints: a resolved config, or changes to a provided one. What it may name is listed; where it
could write, it is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from tricklift.errors import MissingFileError, UserError, did_you_mean
from tricklift.paths import config_root
from tricklift.records.plain_files import read_json, read_yaml

__all__ = ["SUFFIXES", "TYPES", "WRITES", "faults", "read", "with_tuples"]

SUFFIXES = (".json", ".yaml", ".yml")
_PREFIX = "tricklift::"
#: What provided configs and tricks are made of, and a few of its kind.
TYPES = frozenset(
    """
    AdamW Adam SGD OptimWrapper AmpOptimWrapper DefaultOptimWrapperConstructor
    LinearLR CosineAnnealingLR MultiStepLR PolyLR StepLR ConstantLR
    EpochBasedTrainLoop IterBasedTrainLoop ValLoop TestLoop
    CheckpointHook DistSamplerSeedHook EMAHook IterTimerHook LoggerHook ParamSchedulerHook
    ResultHook ResumableEarlyStopping DetVisualizationHook SegVisualizationHook LogProcessor
    ExponentialMovingAverage MomentumAnnealingEMA StochasticWeightAverage
    Visualizer DetLocalVisualizer SegLocalVisualizer LocalVisBackend TensorboardVisBackend
    DefaultSampler InfiniteSampler AspectRatioBatchSampler default_collate pseudo_collate
    BCCDDataset CamVidDataset CheckedADE20KDataset CheckedCocoDataset CheckedSegDataset
    CheckedVOCDataset CheckedXMLDataset ClassFolders ConcatDataset GroceriesDataset
    MiniWorldDetDataset MiniWorldSegDataset
    DecodeImage DecodeRandomResizedCrop LoadAnnotations LoadImageFromFile PackClassified
    PackDetInputs PackSegInputs RandomBlur RandomCrop RandomFlip RandomResize
    RandomResizedCropUint8 Resize ResizeCenterCropUint8 PhotoMetricDistortion Pad
    IoUMetric TopKAccuracy VOCMetric
    ClsPreprocessor DetDataPreprocessor SegDataPreProcessor
    ImageClassifier TrickBackbone TrickStage TrickFasterRCNN TrickEncoderDecoder
    FPN RPNHead StandardRoIHead SingleRoIExtractor RoIAlign RoIPool BBoxHead Shared2FCBBoxHead
    IoUAwareBBoxHead IoUAwareShared2FCBBoxHead FCNHead PSPHead
    AnchorGenerator DeltaXYWHBBoxCoder MaxIoUAssigner RandomSampler PseudoSampler nms soft_nms
    CrossEntropyLoss L1Loss SmoothL1Loss FocalLoss RoIFocalLoss
    IoULoss GIoULoss DIoULoss CIoULoss
    BN BN2d SyncBN GN LN ReLU
    """.split()  # noqa: SIM905
)
#: Parameters of these by which something is written, or read elsewhere than from this disk.
WRITES = frozenset(
    """
    work_dir out_dir save_dir img_save_dir config_save_file scalar_save_file output_dir
    outfile_prefix out_file test_out_dir backend_args file_client_args file_client collect_dir
    filename_tmpl
    """.split()  # noqa: SIM905
)
#: Keys of a whole config that decide what code runs, or where.
_REFUSED = ("imports", "runner_type", "compile", "cfg", "hooks")
_SCOPES = ("mmengine", "mmdet", "mmseg")
_SCOPE_KEYS = ("_scope_", "default_scope", "scope")
_TYPE_KEYS = ("type", "constructor")
_MARKS = ("_base_", "_delete_", "_scope_")
#: Files that are read by running what is in them.
_CODE = (".py", ".pyc", ".pkl", ".pickle", ".npy", ".npz", ".so")
#: What weights begin with that a library fetches.
_LIBRARIES = ("timm/", "torchvision/")
#: Names of modules that provided configs import.
_IMPORTS = ("backbones", "cls", "det", "seg", "tricklift.compat.setup")
_MOST_WORKERS = 128


def read(path: Path, use: Callable[..., Any]) -> Config:
    """The config in a JSON or YAML file, laid over the `_base_` that it names.

    Args:
        path: Of `SUFFIXES`. Its `_base_` is the short name of a provided config; with one, `tricks`
            are laid.
        use: `tricklift.tricks.use`.

    Raises:
        MissingFileError: There is no such file.
        UserError: It is no JSON or YAML, or asks for more than data may.
    """
    held = read_json(path) if path.suffix.lower() == ".json" else read_yaml(path)
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise UserError(f"{path}: a config has names for keys, got {held!r:.60}")
    held.pop("work_dir", None)  # of whoever wrote it; the command line says ours
    for place, said in faults(held):
        raise UserError(f"{path}: {place}: {said}; a config of code is a .py file (SECURITY.md)")
    base = held.pop("_base_", None)
    below: dict[str, Any] = {}
    if base is not None:
        below = Config.fromfile(str(_base(base, path))).to_dict()
        if "tricks" in held:
            held["tricks"] = use(*_names(held["tricks"], path))
    merged = Config._merge_a_into_b(held, below)
    _write_tuples_as_lists()
    cfg = Config(with_tuples(merged), filename=str(path))
    if imports := cfg.get("custom_imports"):
        import_modules_from_strings(list(imports["imports"]))
    return cfg


def faults(value: Any, place: str = "", types: Set[str] = TYPES) -> Iterator[tuple[str, str]]:
    """What no data may ask for.

    Args:
        value: A config, or what stands at a place of one.
        place: That place; the whole config has none.
        types: What may be built.

    Yields:
        The place of each fault, and what is wrong.
    """
    if isinstance(value, str):
        if "://" in value:
            yield place, f"{value!r:.80} is no place on this disk"
        elif value.lower().endswith(_CODE):
            yield place, f"{value!r:.80} is a file that runs"
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from faults(item, f"{place}[{number}]", types)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            where = f"{place}.{key}".lstrip(".")
            said = _wrong(key, item, types, top=not place)
            yield from ((where, said),) if said else faults(item, where, types)
    elif value is not None and not isinstance(value, bool | int | float):
        yield place, f"{type(value).__name__} {value!r:.40} is neither text, number, list nor keys"


def _wrong(key: Any, value: Any, types: Set[str], top: bool) -> str | None:
    """What is wrong with a key and its own value; None where nothing is."""
    if not isinstance(key, str):
        return "a key is text" if not isinstance(key, int) else None
    if key == "custom_imports":
        held = value.get("imports") if isinstance(value, Mapping) else None
        return None if _are_ours(held) else f"takes {', '.join(_IMPORTS)} alone, got {held!r:.80}"
    if key == "_base_":
        return None if top and isinstance(value, str) else "takes the short name of one config"
    if (top and key in _REFUSED) or (key.startswith("_") and key not in _MARKS):
        return "is not taken from data"
    if key in WRITES and value is not None:
        return "is given on the command line alone (--work-dir)"
    if key == "checkpoint" and isinstance(value, str) and value.startswith(_LIBRARIES):
        return f"{value!r:.60} is downloaded; give it on the command line (--pretrained)"
    if key in _TYPE_KEYS and (not isinstance(value, str) or value not in types):
        hint = did_you_mean(value, types) if isinstance(value, str) else ""
        return f"{value!r:.60} is none of the parts of provided configs{hint}"
    if key in _SCOPE_KEYS and value not in (None, *_SCOPES):
        return f"takes {', '.join(_SCOPES)}, got {value!r:.60}"
    if key == "num_workers" and not (type(value) is int and 0 <= value <= _MOST_WORKERS):
        return f"takes 0 to {_MOST_WORKERS}, got {value!r:.60}"
    return None


def _are_ours(names: Any) -> bool:
    return isinstance(names, list) and all(name in _IMPORTS for name in names)


def _base(name: str, path: Path) -> Path:
    name = name.removeprefix(_PREFIX).removesuffix(".py")
    root = config_root()
    file = root / f"{name}.py"
    if not re.fullmatch(r"\w[\w.+-]*(/\w[\w.+-]*)+", name) or name.startswith("_base_/"):
        raise UserError(f"{path}: _base_ {name!r:.80} is no short name, such as det/mini/fcn")
    if not file.is_file():
        known = [str(f.relative_to(root).with_suffix("")) for f in root.rglob("*.py")]
        raise MissingFileError(
            f"{path}: _base_ {name!r} is no provided config{did_you_mean(name, known)}"
        )
    return file


def _names(tricks: Any, path: Path) -> list[str]:
    if not isinstance(tricks, list) or not all(re.fullmatch(r"\w+", str(name)) for name in tricks):
        raise UserError(f"{path}: tricks: a list of names of tricks, got {tricks!r:.80}")
    return tricks


def with_tuples(value: Any) -> Any:
    """Lists of numbers as tuples, which no file has and which OpenMMLab asks for in places."""
    if isinstance(value, Mapping):
        return {key: with_tuples(item) for key, item in value.items()}
    if not isinstance(value, list | tuple):
        return value
    numbers = value and all(type(item) in (int, float) for item in value)
    return tuple(value) if numbers else [with_tuples(item) for item in value]


def _write_tuples_as_lists() -> None:
    """So that the copy in the work dir is a YAML file without tags of Python."""
    import yaml

    for dumper in (yaml.Dumper, getattr(yaml, "CDumper", yaml.Dumper)):
        dumper.add_representer(tuple, lambda to, held: to.represent_list(list(held)))
