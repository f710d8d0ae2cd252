"""`tricklift plan`: what stands, what would be done and why; nothing is changed."""

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import zeros

from tricklift.records import lock
from tricklift.records.identity import config_hash
from tricklift.suite import jobs, preview, states, tier_file
from tricklift.suite.plan import plan

ROW = "resnet18_b-baseline"
TRAINING, EXPORT, DETECTION, SEGMENTATION = (
    f"cls/{ROW}/seed0",
    f"export/{ROW}-seed0",
    f"det/{ROW}-seed0/seed0",
    f"seg/{ROW}-seed0/seed0",
)


@pytest.fixture(scope="module")
def resolved():
    """The resolved configs of the row's pretraining and detection, read once."""
    names = ("cls/mini/resnet18_b-baseline", "det/mini/faster_rcnn_fpn")
    return {name: jobs.Training("x", name, Path("x"), 0).resolved() for name in names}


@pytest.fixture
def row(tmp_path, resolved):
    """The jobs of a row whose pretraining and export are done, by name."""
    found = {job.name: job for job in plan("mini", tmp_path, rows=[ROW])}
    leave(found[TRAINING], resolved[found[TRAINING].config])
    (found[TRAINING].work_dir / "epoch_6.pth").touch()
    (found[TRAINING].work_dir / "last_checkpoint").write_text("epoch_6.pth")
    file, trained = found[EXPORT].file, config_hash(resolved[found[TRAINING].config])
    file.parent.mkdir()
    meta = {"config_hash": trained, "architecture": "resnet18_b"}
    save_file({"w": zeros(1)}, str(file), metadata=meta)
    return found


def leave(job: jobs.Training, cfg, **changes) -> None:
    """Writes what a finished run of the job would leave, with the config that it had."""
    job.work_dir.mkdir(parents=True, exist_ok=True)
    data = {"schema": 2, "status": "done", "seed": job.seed, "metrics": {}, "wall_seconds": 360.0}
    data |= {"config_hash": config_hash(cfg), "config": cfg.filename, "tier": "mini"}
    (job.work_dir / "result.json").write_text(json.dumps({**data, **changes}))
    cfg.dump(job.work_dir / Path(cfg.filename).name)


def look(found, out) -> dict[str, preview.Step]:
    return {step.name: step for step in preview.look(list(found.values()), out, out / "data")}


def test_a_row_half_done(row, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    counts: list[tuple[int, int]] = []
    preview.look(list(row.values()), tmp_path, tmp_path / "data", lambda *n: counts.append(n))
    assert counts == [(1, 4), (2, 4), (3, 4), (4, 4)]
    steps = look(row, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    assert [step.state for step in steps.values()] == ["done", "done", "waiting", "waiting"]
    assert steps[TRAINING].gpu_hours == 0.1  # as measured
    assert steps[TRAINING].run_bytes == preview.size_of(row[TRAINING].work_dir)
    assert steps[DETECTION].gpu_hours is None
    assert steps[DETECTION].needs == (EXPORT,)
    assert steps[DETECTION].command.startswith("tricklift train det/mini/faster_rcnn_fpn --out ")
    todo = preview.left(list(steps.values()))
    assert (todo["jobs"], todo["unknown"]) == (2, 2)


def test_another_config_is_named_by_its_keys_and_what_follows_waits(row, resolved, tmp_path):
    detection = row[DETECTION]
    cfg = detection.resolved()
    leave(detection, cfg)
    assert look(row, tmp_path)[DETECTION].state == "done"
    other = deepcopy(resolved[row[TRAINING].config])
    other.train_dataloader.batch_size = 7
    leave(row[TRAINING], other, config_hash=config_hash(other))
    steps = look(row, tmp_path)
    now = resolved[row[TRAINING].config].train_dataloader.batch_size
    assert steps[TRAINING].state == "stale"
    assert steps[TRAINING].why == f"config: train_dataloader.batch_size 7 -> {now}"
    assert steps[DETECTION].state == "waiting"
    assert steps[DETECTION].why == f"begun before; {EXPORT} comes first"
    assert steps[SEGMENTATION].why == ""


def test_an_export_that_is_gone_comes_first(row, tmp_path):
    detection = row[DETECTION]
    leave(detection, detection.resolved())
    row[EXPORT].file.unlink()
    steps = look(row, tmp_path)
    assert [step.state for step in steps.values()] == ["done", "waiting", "waiting", "waiting"]
    assert EXPORT in steps[DETECTION].why


def test_running_failed_and_stopped(row, resolved, tmp_path):
    training = row[TRAINING]
    leave(training, resolved[training.config], status="running")
    steps = look(row, tmp_path)
    assert steps[TRAINING].state == "stopped"
    assert steps[TRAINING].command.endswith("--resume")
    note = states.begun(tmp_path, TRAINING)
    states.ended(tmp_path, TRAINING, note, state="failed", words="CUDA out of memory")
    steps = look(row, tmp_path)
    assert (steps[TRAINING].state, steps[TRAINING].why) == ("failed", "CUDA out of memory")
    states.begun(tmp_path, TRAINING)
    with lock.alone(*states.lock_of(tmp_path, TRAINING)):
        assert look(row, tmp_path)[TRAINING].state == "running"


def test_the_costs_of_the_papers_runs_are_those_of_its_configs_alone(tmp_path):
    asked = {"tables": ["8"], "heads": ["c4"], "rows": ["resnet50_d-distill"]}
    steps = look({job.name: job for job in plan("full", tmp_path, **asked)}, tmp_path)
    assert all(step.run_bytes and step.gpu_hours is not None for step in steps.values())
    assert steps["cls/resnet50_d-distill/seed0"].gpu_hours > 100
    asked["rows"] = ["resnet50_b-standard"]
    swapped = plan("full", tmp_path, backbones=["resnet34_d"], **asked)
    steps = look({job.name: job for job in swapped}, tmp_path)
    assert steps["cls/resnet34_d-standard/seed0"].gpu_hours is None
    text = preview.to_text(tier_file.read("full"), list(steps.values()), tmp_path, tmp_path)
    assert "neither time nor disk is known before one of their kind has ended" in text
    assert "missing: imagenet; 'tricklift prepare imagenet" in text


def test_the_full_plan_stands_without_heavy_libraries(tmp_path):
    """So that it takes no time: reading its 43 configs would take seconds."""
    code = (
        "import sys\nfrom tricklift.cli import main\n"
        f"try:\n    main(['plan', 'full', '--out', {str(tmp_path / 'out')!r}, '--json'])\n"
        "finally:\n    print({'torch', 'mmengine'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "set()"
    told = json.loads(done.stdout)
    assert told["states"] == {"waiting": len(told["jobs"])}
    assert told["left"]["unknown"] == 0 and told["left"]["gpu_hours"] > 3000
    assert not (tmp_path / "out").exists()
