"""What `mim search` and `mim download` read of a published backbone.

mim looks into installed packages alone: for `model-index.yml` in the folder `.mim` of a package of
that name. So the folder that is published can be installed, with pip, from a disk or from the hub;
the package holds the index and the config, and mim downloads the weights from the index's address.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from backbones.hub import WEIGHTS
from tricklift.records.atomic import write_text
from tricklift.sharing.card import TASKS, measured
from tricklift.sharing.trained import Trained

INDEX = "model-index.yml"
PROJECT = """\
# Install this folder with pip, then `mim search {package}`.
# {download}
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "{package}"
version = "1.0"
description = "Index of a backbone that tricklift trained, for mim"

[tool.setuptools]
packages = ["{package}"]

[tool.setuptools.package-data]
{package} = [".mim/*.yml", ".mim/configs/*.py"]
"""


#: Of a folder without an address: mim 0.3.9 ends with a TypeError there.
UNSERVED = (
    "`mim download` needs an address of the weights: publish with --to hub or --url to give one."
)


def download(package: str, served: bool) -> str:
    """What `mim download` does with an installed package; `served`: its weights have an address."""
    if not served:
        return UNSERVED
    return f"`mim download {package} --config {package} --dest .` fetches the weights."


def package_of(name: str) -> str:
    """The package that mim knows a model by: one lower-case word, unlike those of OpenMMLab."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "model"
    return word if word.startswith("tricklift_") else f"tricklift_{word}"


def write(folder: Path, trained: Trained, name: str, url: str | None, config: str) -> None:
    """Write the index, and the package that carries it.

    Args:
        folder: Which is published.
        trained: What it holds.
        name: Of the model.
        url: Below which the files can be downloaded, or None.
        config: The resolved config in Python.
    """
    package = package_of(name)
    weights = f"{url.rstrip('/')}/{WEIGHTS}" if url else WEIGHTS
    text = yaml.safe_dump(index(trained, package, weights), sort_keys=False, allow_unicode=True)
    write_text(folder / INDEX, text)
    inside = folder / package
    write_text(inside / ".mim" / INDEX, text)
    write_text(inside / ".mim" / "configs" / f"{package}.py", config)
    write_text(inside / "__init__.py", f'"""Index of {name} for mim; nothing to import."""\n')
    told = download(package, served=bool(url))
    write_text(folder / "pyproject.toml", PROJECT.format(package=package, download=told))


def index(trained: Trained, package: str, weights: str) -> dict[str, Any]:
    """The content of model-index.yml."""
    from backbones import info  # imports torch

    result = trained.result
    results: dict[tuple[str, str], dict[str, float]] = {}
    for it in measured(trained):
        results.setdefault((it.task, it.dataset), {})[f"{it.name} ({it.config})"] = it.value
    facts = {
        "Architecture": [trained.architecture],
        "Training Data": result["dataset"],
        "Training Techniques": list(result.get("tricks") or ["none"]),
        "Epochs": result.get("epochs"),
        "Batch Size": result.get("batch_size"),
    }
    return {
        "Collections": [{"Name": trained.architecture, "Paper": info(trained.architecture).paper}],
        "Models": [
            {
                "Name": package,
                "In Collection": trained.architecture,
                "Metadata": {key: value for key, value in facts.items() if value is not None},
                "Config": f"configs/{package}.py",
                "Weights": weights,
                "Results": [
                    {"Task": TASKS[task].capitalize(), "Dataset": data, "Metrics": metrics}
                    for (task, data), metrics in results.items()
                ],
            }
        ],
    }
