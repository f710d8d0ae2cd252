"""Every run of the full tier, two steps long, on a tree with the real names and tiny images.

So on the day when somebody has the data and the GPUs, nothing is run for the first time: each job
of `tricklift run full` trains, validates and leaves a result, each export is made, and the next job
starts from it. Recipes, networks, heads and classes stay; images, batches and lengths are cut.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from full_tree import write_full_tree
from safetensors.torch import save_file
from torch import zeros

from tricklift.paper import costs
from tricklift.paper.table_cells import resolved
from tricklift.records.identity import config_hash
from tricklift.suite import graph, tier_file
from tricklift.suite.board import Board
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import Job, Training
from tricklift.suite.plan import plan
from tricklift.suite.tiers import Row, Tier
from tricklift.tables.paper_rows import hash_of

ALL = (
    "default_hooks.logger.interval=1",
    *(
        f"{loader}_dataloader.{key}"
        for loader in ("train", "val")
        for key in ("num_workers=0", "persistent_workers=False")
    ),
)
SIDE = 80  # Inception-V3 takes no less than 75
SHORT = {
    "cls": (
        *ALL,
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
        "train_dataloader.batch_size=4",
        "+train_dataloader.dataset.indices=8",
        "+val_dataloader.dataset.indices=4",
        f"train_dataloader.dataset.pipeline.0.size={SIDE}",
        f"val_dataloader.dataset.pipeline.1.size={SIDE}",
        f"val_dataloader.dataset.pipeline.1.short_side={SIDE}",
    ),
    "det": (
        *ALL,
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
        "train_dataloader.batch_size=1",
        "+train_dataloader.dataset.datasets.0.indices=1",
        "+train_dataloader.dataset.datasets.1.indices=1",
        "train_dataloader.dataset.datasets.0.pipeline.2.scale=(160,96)",
        "train_dataloader.dataset.datasets.1.pipeline.2.scale=(160,96)",
        "+val_dataloader.dataset.indices=2",
        "val_dataloader.dataset.pipeline.1.scale=(160,96)",
        "model.train_cfg.rcnn.sampler.num=16",
        "model.test_cfg.rpn.max_per_img=16",
        # Norms stand still, and two steps have not brought their statistics: losses are huge.
        "optim_wrapper.optimizer.lr=1e-9",
    ),
    "seg": (
        *ALL,
        "train_cfg.max_iters=2",
        "train_cfg.val_interval=2",
        "train_dataloader.batch_size=2",
        "train_dataloader.dataset.pipeline.2.scale=(320,80)",
        "train_dataloader.dataset.pipeline.3.crop_size=(64,64)",
        "model.data_preprocessor.size=(64,64)",
        "+val_dataloader.dataset.indices=2",
        "val_dataloader.dataset.pipeline.1.scale=(320,80)",
    ),
}


def short_tier() -> Tier:
    """The full tier with short runs."""
    tier = tier_file.read("full")
    teachers = {name: scaled(row) for name, row in tier.teachers.items()}
    return replace(tier, options=SHORT, rows=tuple(map(scaled, tier.rows)), teachers=teachers)


def scaled(row: Row) -> Row:
    """A row in float16 with a small scale of its loss: a dynamic one would skip both steps."""
    half = resolved(row.config).optim_wrapper.type == "AmpOptimWrapper"
    return replace(row, options=("optim_wrapper.loss_scale=8.0",)) if half else row


@pytest.fixture(scope="session")
def full_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    write_full_tree(root)
    return root


def run_all(jobs: Sequence[Job], out: Path, root: Path) -> None:
    """Bring jobs to their end as `tricklift run` does, which asks for whole data sets first."""
    graph.write(out, "full", root, {}, jobs)
    with Board(out) as board:
        failures = Local().run(jobs, out, board)
    assert not failures, "\n".join(failures[0].log.read_text().splitlines()[-30:])


def check(job: Training, before: dict[str, Job]) -> None:
    """A run of two steps has a metric, and starts from what the job before it has left."""
    result = json.loads((job.work_dir / "result.json").read_text())
    assert (result["status"], result["tier"], result["iters"]) == ("done", "full", 2)
    assert all(0 <= value <= 100 for value in result["metrics"].values()) and result["metrics"]
    left = sum(file.stat().st_size for file in job.work_dir.glob("*.pth"))
    assert left == pytest.approx(costs.known()[job.config].run_bytes, rel=0.03)
    if job.needs:
        source = before[job.needs[0]]
        told = result["teacher" if job.name.startswith("cls") else "pretrained"]
        assert told["file"] == str(source.file)
        assert told["config_hash"] == config_hash(source.training.resolved())
        assert told["architecture"] == source.training.backbone


def rows(*beginnings: str) -> list[str]:
    """Names of rows of the full tier that begin so."""
    return [row.name for row in tier_file.read("full").rows if row.name.startswith(beginnings)]


TRANSFER = [row.name for row in tier_file.read("full").rows if row.downstream]
#: What one test runs; together they are the tier, and take about equally long.
PARTS = {
    "tables 2 to 5": {"tables": ["2", "3", "4", "5"]},
    "table 6, other networks": {"tables": ["6"], "rows": rows("inception", "mobilenet")},
    "table 7": {"tables": ["7"]},
    "tables 8 and 9, upper rows": {"tables": ["8", "9"], "rows": TRANSFER[:4]},
    "tables 8 and 9, lower rows": {"tables": ["8", "9"], "rows": TRANSFER[4:]},
}


def test_the_parts_are_the_tier(tmp_path):
    every = {job.name for job in plan("full", tmp_path)}
    assert {
        job.name for asked in PARTS.values() for job in plan("full", tmp_path, **asked)
    } == every


@pytest.mark.parametrize(
    "asked",
    [
        {"tables": ["8", "9"], "rows": ["resnet50_d-distill"], "heads": ["c4"]},
        pytest.param({}, marks=pytest.mark.slow),
    ],
    ids=["a row", "all"],
)
def test_a_run_of_the_plan_fills_its_cell(asked, tmp_path):
    """`paper rows` counts a run by its hash: the leaf's own, on the exports of its needs."""
    for job in plan("full", tmp_path, **asked):
        if isinstance(job, Training):
            assert config_hash(job.resolved()) == hash_of(job.config), job.name
            continue
        trained = {"architecture": job.training.backbone}
        trained["config_hash"] = hash_of(job.training.config)
        job.file.parent.mkdir(exist_ok=True)
        save_file({"w": zeros(1)}, str(job.file), metadata=trained)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_every_run(part, full_data, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(full_data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jobs = plan(short_tier(), tmp_path / "out", root=full_data, **PARTS[part])
    run_all(jobs, tmp_path / "out", full_data)
    for job in jobs:
        assert job.state() == "done", job.name
        if isinstance(job, Training):
            check(job, {job.name: job for job in jobs})
