"""The job graph: what waits for what, what is done, what is resumed, what a failure says."""

import json

import pytest
from safetensors.torch import save_file
from torch import zeros

from tricklift.configs import parse_options
from tricklift.runs import jobs
from tricklift.runs.tiers import TIERS
from tricklift.tables.compare import compare
from tricklift.train import build_config


@pytest.fixture
def training(tmp_path) -> jobs.Training:
    """A job with a real config."""
    name = "cls/resnet18_b-baseline/seed0"
    return jobs.Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0)


def leave(job: jobs.Training, **changes) -> None:
    """Writes the result file that a finished run of the job would leave."""
    job.work_dir.mkdir(parents=True, exist_ok=True)
    data = {"status": "done", "config_hash": job.config_hash(), "seed": job.seed, "metrics": {}}
    (job.work_dir / "result.json").write_text(json.dumps({**data, **changes}))


@pytest.mark.parametrize("tier", TIERS)
def test_each_job_comes_after_those_that_it_needs(tier, tmp_path):
    plan = jobs.plan(tier, tmp_path, (0, 1))
    names = [job.name for job in plan]
    assert len(set(names)) == len(names)
    for place, job in enumerate(plan):
        assert set(job.needs) <= set(names[:place])
    what = TIERS[tier]
    teachers = len(set(what.teachers.values()))
    assert len(plan) == 2 * (len(what.rows) * 4 + teachers * 2 + 2)


def test_downstream_seeds_run_from_every_pretraining(tmp_path):
    rows = ["random-init", "resnet18_d-tricks"]
    plan = jobs.plan("mini", tmp_path, (0, 1), (0, 1, 2), rows)
    names = [job.name for job in plan]
    assert names[:8] == [
        "cls/resnet18_d-tricks/seed0",
        "export/resnet18_d-tricks-seed0",
        "det/resnet18_d-tricks-seed0/seed0",
        "seg/resnet18_d-tricks-seed0/seed0",
        "det/random-init/seed0",
        "seg/random-init/seed0",
        "cls/resnet18_d-tricks/seed1",
        "export/resnet18_d-tricks-seed1",
    ]  # a whole table comes before the second downstream seed
    assert len(set(names)) == len(names) == 2 * (2 + 3 * 2) + 3 * 2
    last = {job.name: job for job in plan}["seg/random-init/seed2"]
    assert (last.seed, last.pretrained) == (2, "none")


def test_a_teacher_comes_before_its_students_and_once(tmp_path):
    plan = jobs.plan("small", tmp_path)
    names = [job.name for job in plan]
    assert names.count("export/resnet34_d-smooth-seed0") == 1
    for row in ("resnet18_d-distill", "resnet18_d-mixup-distill"):
        student = plan[names.index(f"cls/{row}/seed0")]
        assert student.needs == ("export/resnet34_d-smooth-seed0",)
        file = tmp_path / "exports" / "resnet34_d-smooth-seed0.safetensors"
        assert student.options == (f"model.distillation.teacher.checkpoint={file}",)
    assert not [name for name in names if name.startswith(("det/resnet34", "seg/resnet34"))]


def test_unknown_row(tmp_path):
    with pytest.raises(ValueError, match=r"unknown row 'resnet18_d-trick'; the tier has .*random"):
        jobs.plan("mini", tmp_path, rows=["resnet18_d-trick"])


def test_the_mini_tier_is_the_main_job(tmp_path):
    plan = {job.name: job for job in jobs.plan("mini", tmp_path)}
    det = plan["det/resnet18_d-tricks-seed0/seed0"]
    assert det.config == "det/mini/faster_rcnn_fpn"
    assert det.backbone == "resnet18_d"
    assert det.pretrained == str(tmp_path / "exports" / "resnet18_d-tricks-seed0.safetensors")
    assert det.needs == ("export/resnet18_d-tricks-seed0",)
    assert plan["export/resnet18_d-tricks-seed0"].needs == ("cls/resnet18_d-tricks/seed0",)
    random = plan["seg/random-init/seed0"]
    assert (random.pretrained, random.backbone, random.needs) == ("none", "resnet18_b", ())


@pytest.mark.parametrize("seeds", [(), (1, 1), (-1,)])
def test_wrong_seeds(seeds, tmp_path):
    with pytest.raises(ValueError, match="seeds must be different whole numbers"):
        jobs.plan("mini", tmp_path, seeds)


def test_unknown_tier(tmp_path):
    with pytest.raises(ValueError, match=r"unknown tier 'ful'; known: mini, small, smoke"):
        jobs.plan("ful", tmp_path)


def test_state_of_a_training(training, tmp_path):
    assert training.state() == "new"
    leave(training, status="running")
    assert training.state() == "started"
    assert training.command(resume=True)[-1] == "--resume"
    leave(training)
    assert training.state() == "done"
    leave(training, config_hash="of another config")
    assert training.state() == "stale"
    leave(training, seed=1)
    assert training.state() == "stale"
    (training.work_dir / "result.json").write_text("{")
    assert training.state() == "new"
    (training.work_dir / "epoch_1.pth").touch()
    assert training.state() == "stale"


def test_what_another_config_left_is_moved_and_not_counted(training, tmp_path):
    leave(training, config_hash="other")
    aside = training.clear(tmp_path)
    assert not training.work_dir.exists()
    assert (aside / "result.json").is_file()
    with pytest.raises(FileNotFoundError, match=r"no result.json"):
        compare(tmp_path)


def test_state_of_an_export(training, tmp_path):
    file = tmp_path / "b.safetensors"
    export = jobs.Export("export/b", training, file, (training.name,))
    assert export.state() == "new"
    leave(training)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint in .*; repeat its training"):
        export.command(resume=False)
    (training.work_dir / "epoch_8.pth").touch()
    (training.work_dir / "last_checkpoint").write_text("/moved/since/epoch_8.pth")
    assert export.command(resume=False)[-2:] == [
        str(training.work_dir / "epoch_8.pth"),
        str(file),
    ]
    save_file({"w": zeros(1)}, str(file), metadata={"config_hash": training.config_hash()})
    assert export.state() == "done"
    save_file({"w": zeros(1)}, str(file), metadata={"config_hash": "of another config"})
    assert export.state() == "new"


def test_a_new_pretraining_makes_what_follows_stale(tmp_path):
    (job,) = jobs.plan("mini", tmp_path, rows=["resnet18_b-baseline"])[3:]
    file = tmp_path / "exports" / "resnet18_b-baseline-seed0.safetensors"
    file.parent.mkdir()
    meta = {"architecture": "resnet18_b", "config_hash": "a"}
    save_file({"w": zeros(1)}, str(file), metadata=meta)
    leave(job)
    assert job.state() == "done"
    save_file({"w": zeros(1)}, str(file), metadata={**meta, "config_hash": "b"})
    assert job.state() == "stale"


def test_tricks_stand_beside_the_rows_without_them(tmp_path):
    plan = jobs.plan("mini", tmp_path, rows=["resnet18_b-baseline"], tricks=["resnet_d", "ema"])
    training, export, detection, segmentation = plan
    assert training.name == "cls/resnet18_b-baseline+resnet_d+ema/seed0"
    assert training.command(resume=False)[-2:] == ["--tricks", "resnet_d,ema"]
    plain = jobs.plan("mini", tmp_path, rows=["resnet18_b-baseline"])[0]
    assert training.config_hash() != plain.config_hash()
    assert export.file.name == "resnet18_b-baseline+resnet_d+ema-seed0.safetensors"
    assert (detection.backbone, segmentation.backbone) == ("resnet18_d", "resnet18_d")
    assert not detection.options and not detection.tricks


def test_a_trick_that_changes_the_network_changes_it_downstream(tmp_path):
    plan = jobs.plan(
        "mini", tmp_path, rows=["resnet18_b-baseline"], tricks=["se", "deformable", "zero_gamma"]
    )
    assert plan[2].options == (
        "model.backbone.se=True",
        "model.backbone.deformable_stages=(1,2,3)",
    )
    cfg = build_config(plan[2].config, options=parse_options(plan[2].options))
    assert cfg.model.backbone.se is True
    assert tuple(cfg.model.backbone.deformable_stages) == (1, 2, 3)


def test_tricks_that_a_row_cannot_have_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="trick 'mixup' is on already"):
        jobs.plan("mini", tmp_path, tricks=["mixup"])
    with pytest.raises(ValueError, match="unknown trick 'mixpu'"):
        jobs.plan("mini", tmp_path, tricks=["mixpu"])


def test_of_a_run_with_ema_the_average_is_exported(tmp_path):
    training, export, *_ = jobs.plan("mini", tmp_path, rows=["resnet18_b-baseline"])
    training.work_dir.mkdir(parents=True)
    (training.work_dir / "epoch_1.pth").write_bytes(b"")
    (training.work_dir / "last_checkpoint").write_text("epoch_1.pth")
    result = training.work_dir / "result.json"
    result.write_text(json.dumps({"tricks": ["cosine"]}))
    assert "--ema" not in export.command(resume=False)
    result.write_text(json.dumps({"tricks": ["cosine", "ema"]}))
    assert export.command(resume=False)[-1] == "--ema"
