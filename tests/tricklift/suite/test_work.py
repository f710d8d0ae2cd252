"""`tricklift work`: one job to its end in a process of its own; several processes; signals."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from fake_jobs import until
from short_runs import LEAVES

from tricklift.configs import find_config
from tricklift.errors import STOPPED
from tricklift.records import predictions
from tricklift.records.atomic import read_json
from tricklift.suite import graph, states
from tricklift.suite.board import Board
from tricklift.suite.engines import Resources
from tricklift.suite.engines.local import Local
from tricklift.suite.jobs import TRICKLIFT, Export, Training
from tricklift.suite.work import launched

#: A hook of a user's: each process keeps the metrics that it got.
KEEPS = """
import json, os
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from tricklift.compat import every_run

class KeepMetrics(Hook):
    priority = 'VERY_LOW'
    def after_val_epoch(self, runner, metrics=None):
        place = os.path.join(runner.work_dir, f'rank{get_rank()}.json')
        with open(place, 'w') as file:
            json.dump({key: float(value) for key, value in metrics.items()}, file)

every_run.HOOKS = (*every_run.HOOKS, KeepMetrics)
"""


#: Few steps, and a validation.
SHORT = {
    "cls": (
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
        "train_dataloader.batch_size=16",
        "model.backbone.width=0.25",
    ),
    "det": ("train_cfg.max_epochs=1", "train_cfg.val_interval=1"),
    "seg": ("train_cfg.max_iters=2", "train_cfg.val_interval=2"),
}


def short(out: Path, task: str, *options: str) -> Training:
    """A training of a config of the user's, whose processes keep their metrics."""
    base = find_config(LEAVES[task]).resolve()
    (out / "keep_metrics.py").write_text(KEEPS)
    leaf = out / f"{task}_leaf.py"
    imports = f"custom_imports = dict(imports=[{task!r}, 'keep_metrics'])"
    leaf.write_text(f"_base_ = [{str(base)!r}]\n{imports}\n")
    name, given = f"{task}/a/seed0", (*SHORT[task], *options)
    return Training(name, str(leaf), out / name, 0, options=given)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_two_processes_train_one_job(tiny_root, tmp_path, monkeypatch, task):
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    monkeypatch.syspath_prepend(tmp_path)
    job = short(tmp_path, task)
    graph.write(tmp_path, "mini", tiny_root, {}, [job])
    with Board(tmp_path) as board:
        assert Local(processes_per_job=2).run([job], tmp_path, board) == []
    result = read_json(job.work_dir / "result.json")
    assert result["world_size"] == 2 and result["status"] == "done"
    both = [read_json(job.work_dir / f"rank{rank}.json") for rank in (0, 1)]
    assert both[0] and both[0] == both[1]
    said = predictions.read(job.work_dir)  # each process keeps its images, and one writes all
    names = [image["name"] for image in said.images]
    assert len(names) == len(set(names)) == said.images_of_set == (24 if task == "cls" else 12)
    if task == "cls":
        assert all(said.classes[it["label"]] == Path(it["name"]).parts[0] for it in said.images)
        hits = sum(it["label"] == it["top1"] for it in said.images)
        assert 100 * hits / len(names) == pytest.approx(result["metrics"]["top1"])
    # half done, and to be resumed by one process
    (job.work_dir / "result.json").write_text(json.dumps({**result, "status": "running"}))
    with Board(tmp_path) as board:
        (failure,) = Local().run([job], tmp_path, board)
    assert failure.code == 2 and "trained by 2 processes, and this run has 1" in failure.words


def begin(out: Path, job: Training, root: Path) -> subprocess.Popen[str]:
    graph.write(out, "mini", root, {}, [job])
    command = [*TRICKLIFT, "work", str(out), job.name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_job_that_is_told_to_end_saves_and_the_next_call_ends_it(tiny_root, tmp_path):
    options = (
        "train_dataloader.batch_size=8",
        "train_cfg.max_epochs=40",
        "train_cfg.val_interval=40",
        "default_hooks.checkpoint.interval=40",
        "model.backbone.width=0.25",
    )
    name = "cls/a/seed0"
    job = Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0, options=options)
    with begin(tmp_path, job, tiny_root) as first:
        log = states.log_of(tmp_path, name)
        until(lambda: log.is_file() and "Epoch(train)" in log.read_text(), 300)
        assert states.read(tmp_path, name)["state"] == "running"
        first.send_signal(signal.SIGUSR1)
        said = first.communicate(timeout=100)[0]
    assert first.returncode == STOPPED and f"{name}: stopped" in said
    assert states.read(tmp_path, name)["state"] == "stopped"
    assert list(job.work_dir.glob("stopped_iter_*.pth"))
    with begin(tmp_path, job, tiny_root) as second:
        said = second.communicate(timeout=300)[0]
    assert second.returncode == 0 and f"{name}: done: top1" in said
    assert states.read(tmp_path, name)["attempt"] == 2
    assert "resumed epoch: " in log.read_text()
    with begin(tmp_path, job, tiny_root) as third:
        third.communicate(timeout=100)
    assert third.returncode == 0 and log.read_text().endswith("# already done\n")


def test_how_a_command_is_started_in_several_processes(tmp_path):
    job = Training("a", "cls/mini/resnet18_b-baseline", tmp_path / "a", 0)
    command = job.command(resume=True)
    assert launched(job, command, Resources()) == command
    several = launched(job, command, Resources(processes=4, gpus=4))
    assert several[several.index("-m") + 1] == "torch.distributed.run"
    assert "--nproc-per-node=4" in several and several[-2:] == ["--launcher", "pytorch"]
    nodes = launched(job, command, Resources(processes=8, gpus=8, nodes=2))
    assert nodes[:3] == ["srun", "--nodes=2", "--ntasks-per-node=8"]
    assert nodes[-2:] == ["--launcher", "slurm"] and "--resume" in nodes
    export = Export("export/a", job, tmp_path / "a.safetensors", ("a",))
    assert launched(export, ["x"], Resources(processes=4)) == ["x"]
