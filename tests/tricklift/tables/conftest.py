"""Finished runs as records, without a file."""

import json
from collections.abc import Callable

import pytest
from finished_runs import finished

from tricklift.paper.table_cells import needs_of, resolved
from tricklift.tables.paper_rows import hash_of
from tricklift.tables.records import Record


@pytest.fixture(scope="session")
def run() -> Callable[..., Record]:
    """`finished`."""
    return finished


def of_recipe(config: str) -> dict:
    """What tells in a result file that a run is the recipe of a config of the full tier."""
    told = {"config": f"configs/{config}.py", "config_hash": hash_of(config), "world_size": 8}
    told |= {"row": resolved(config).get("row"), "pretrained": None, "teacher": None}
    for need in needs_of(config):
        cfg = resolved(need)
        held = {"row": cfg.row, "dataset": cfg.benchmark.dataset, "top1": 77.5, "seed": "0"}
        held |= {"file": "anywhere.safetensors", "architecture": cfg.model.backbone.name}
        held |= {"config_hash": hash_of(need), "world_size": "8"}
        told |= {"teacher": held} if told["row"] else {"pretrained": held, "row": cfg.row}
    return told


@pytest.fixture(scope="session")
def recipe() -> Callable[[str], dict]:
    """`of_recipe`."""
    return of_recipe


PROTOCOLS = {"cls": "top-1", "det": "11-point", "seg": "whole image"}


@pytest.fixture
def of_paper(recipe):
    """What makes a run the paper's D-efficient: row, tier, config with its recipe, GPUs."""

    def told(config: str) -> dict:
        labels = {"task": config[:3], "tier": "full", "backbone": "resnet50_d"}
        return labels | recipe(config)

    return told


@pytest.fixture(scope="module")
def template(tiny, tmp_path_factory) -> dict:
    """What a real run wrote."""
    folder = tmp_path_factory.mktemp("template")
    top1 = {"accuracy/top1": 60.0, "accuracy/top5": 99.0}
    return tiny.train(tiny.config(folder), top1, top1)


@pytest.fixture
def leave(template, tmp_path):
    """Writes a result file: a real one with other labels and metrics."""

    def write(name: str, task: str, metrics: dict, origin: str | None = "hash-cls", **changes):
        data = {**template, "task": task, "metrics": metrics, "tier": "small"}
        data |= {"dataset": f"{task}-data", "protocol": PROTOCOLS[task]}
        data["config_hash"] = f"hash-{task}"
        data["config"] = f"configs/{task}.py"
        if task != "cls":
            data["tricks"] = []
        if task != "cls" and origin:
            held = {"row": "B-baseline", "dataset": "cls-data", "config_hash": origin}
            data["pretrained"] = {"file": f"{name}.safetensors", **held}
        data |= changes
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(data))
        return folder / "result.json"

    write.root = tmp_path / "runs"
    return write
