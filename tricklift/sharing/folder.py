"""Write the folder that is published: weights, card, config, results, index."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbones.export import export
from backbones.hub import WEIGHTS
from backbones.naming import Naming, library_naming
from tricklift.errors import UserError
from tricklift.records.atomic import write_text
from tricklift.sharing import config, mim
from tricklift.sharing.card import about, card
from tricklift.sharing.trained import Trained

CARD, RESULT = "README.md", "result.json"
CONFIG_JSON, CONFIG_PYTHON, TIMM_CONFIG = "train_config.json", "train_config.py", "config.json"
#: Options that say how a network starts, and nothing once it has weights.
START = ("init", "zero_gamma")
#: Of timm's `pretrained_cfg`, what is true of the network and its images whatever its weights are;
#: all else (tag, license, origin, paper, ...) speaks of the weights that timm has.
OF_THE_NETWORK = (
    *("input_size", "min_input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode"),
    *("mean", "std", "num_classes", "pool_size", "first_conv", "classifier", "custom_load"),
)
#: A folder with these is an earlier publication, which may be replaced.
MARKS = (CARD, WEIGHTS, mim.INDEX)


@dataclass(frozen=True)
class Published:
    """What was written.

    Attributes:
        folder: Where.
        package: By which mim knows it, once the folder is installed.
        timm: Whether timm loads it; if not, why.
        difference: Largest difference of the outputs of what was written.
        measured: Number of detectors and segmenters whose results are in it.
        usage: Lines of Python.
    """

    folder: Path
    package: str
    timm: str
    difference: float
    measured: int
    usage: list[str]


def publish(
    trained: Trained, out: Path, license_: str, repository: str | None, url: str | None
) -> Published:
    """Write all that is published of a backbone into a folder.

    Args:
        trained: What it is, see `tricklift.sharing.trained.look`.
        out: The folder: a new or an empty one, or an earlier publication, which is replaced.
        license_: An identifier of the hub.
        repository: USER/NAME there, or None.
        url: Below which the files can be downloaded; None: the hub's, or nowhere.

    Raises:
        UserError: The folder holds something else, or a text would show a secret.
        RuntimeError: What was written does not give the same outputs.
    """
    refuse_other(out)
    name = repository.partition("/")[2] if repository else out.resolve().name
    naming, reason = _timm(trained)
    with _replacing_folder(out) as folder:
        report = export(trained.export, folder / WEIGHTS, "timm" if naming else "tricklift")
        cleaned = config.shareable(trained.config)
        if naming:
            write_text(folder / TIMM_CONFIG, timm_config(trained, naming, cleaned, license_))
        write_text(folder / CONFIG_JSON, json.dumps(cleaned, indent=2) + "\n")
        write_text(folder / CONFIG_PYTHON, _python(cleaned))
        write_text(folder / RESULT, _result(trained.result))
        for number, result in enumerate(trained.downstream):
            write_text(folder / "downstream" / f"{result['task']}-{number}.json", _result(result))
        mim.write(folder, trained, name, url, _python(cleaned))
        package = mim.package_of(name)
        usage = _usage(trained, repository, bool(naming))
        notes = _notes(trained, reason, package, repository, bool(url))
        write_text(folder / CARD, card(trained, name, license_, usage, notes))
        config.refuse_secrets(dict(_texts(folder)))
    measured = len(trained.downstream)
    return Published(out, package, reason, report.difference, measured, usage)


def refuse_other(out: Path) -> None:
    """Refuse a folder that holds something else than a publication."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        missing = [mark for mark in MARKS if not (out / mark).is_file()]
        if missing:
            raise UserError(
                f"{out} exists and is no earlier publication (it has no {missing[0]}); give a new "
                "folder"
            )


@contextmanager
def _replacing_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or is removed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        folder = temporary / "new"
        folder.mkdir()
        yield folder
        if out.exists():
            os.replace(out, temporary / "old")
        os.replace(folder, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _timm(trained: Trained) -> tuple[Naming | None, str]:
    """timm's names for the network, or why there are none."""
    try:
        return library_naming(trained.architecture, "timm", **trained.options), ""
    except UserError as error:
        return None, str(error).partition("; ")[0]


def timm_config(trained: Trained, naming: Naming, cleaned: dict[str, Any], license_: str) -> str:
    """config.json as timm reads it: its network, the head, how images are prepared, the license."""
    import timm
    import torch
    from timm.models._hub import save_config_for_hf  # no public one writes the config alone

    with torch.device("meta"):
        model = timm.create_model(naming.network, num_classes=trained.num_classes)
    data: dict[str, Any] = {"interpolation": "bilinear"}
    for key in ("mean", "std"):
        if key in trained.facts:
            data[key] = tuple(round(v / 255, 6) for v in json.loads(trained.facts[key]))
    crop = next(_crops(cleaned.get("val_dataloader")), None)
    if crop:
        data["input_size"] = (3, crop["size"], crop["size"])
        data["crop_pct"] = round(crop["size"] / crop["short_side"], 6)
        data["crop_mode"] = "center"
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        save_config_for_hf(model, file.name, data_config=data)
        told = json.loads(Path(file.name).read_text(encoding="utf-8"))
    kept = {key: it for key, it in told["pretrained_cfg"].items() if key in OF_THE_NETWORK}
    told["pretrained_cfg"] = {**kept, "license": license_, "description": about(trained)}
    return json.dumps(told, indent=2) + "\n"


def _crops(value: Any) -> Iterator[dict[str, int]]:
    """Steps of a pipeline that resize an image's short side and cut out its centre."""
    if isinstance(value, dict):
        if {"size", "short_side"} <= value.keys():
            yield value
        for item in value.values():
            yield from _crops(item)
    elif isinstance(value, list):
        for item in value:
            yield from _crops(item)


def _python(cleaned: dict[str, Any]) -> str:
    """A config in mmengine's Python form."""
    from mmengine.config import Config

    return Config(cleaned).pretty_text.rstrip() + "\n"


def _result(result: dict[str, Any]) -> str:
    """A result file, without folders of one machine."""
    return json.dumps(config.relative(result), indent=2) + "\n"


def _usage(trained: Trained, repository: str | None, timm: bool) -> list[str]:
    where = f"hf://{repository}" if repository else WEIGHTS
    options = {key: it for key, it in trained.options.items() if key not in START}
    given = "".join(f", {key}={value!r}" for key, value in options.items())
    built = f"{trained.architecture!r}, {trained.num_classes}{given}, checkpoint={where!r}"
    lines = ["import backbones  # of tricklift", f"model = backbones.build({built})"]
    if timm:
        place = f"hf-hub:{repository}" if repository else "local-dir:FOLDER"
        lines += ["", "import timm", f"model = timm.create_model({place!r}, pretrained=True)"]
    return lines


def _notes(
    trained: Trained, reason: str, package: str, repository: str | None, served: bool
) -> list[str]:
    """What the card says beside its tables."""
    where = f"git+https://huggingface.co/{repository}" if repository else "FOLDER"
    start = f"hf://{repository}" if repository else WEIGHTS
    given = "".join(
        f" model.backbone.{k}={v}" for k, v in trained.options.items() if k not in START
    )
    options = f" --cfg-options{given}" if given else ""
    found = [
        f"In a detector: `tricklift train det/mini/faster_rcnn_fpn --backbone "
        f"{trained.architecture} --pretrained {start}{options}`.",
    ]
    if reason:
        found.append(f"Not for timm: {reason}.")
    if own := [it["name"] for it in trained.result.get("imports") or ()]:
        names = ", ".join(Path(name).name for name in own)
        found.append(f"It was trained with code of its own, which is not here: {names}.")
    search = f"For mim: `pip install {where}`, then `mim search {package}`"
    found.append(f"{search}. {mim.download(package, served)}")
    return found


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".safetensors":
            yield str(file.relative_to(folder)), file.read_text(encoding="utf-8")
