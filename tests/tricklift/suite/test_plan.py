"""The job graph of a tier: rows, networks, tricks and seeds, and what waits for what."""

import json
from pathlib import Path

import pytest
import yaml
from safetensors.torch import save_file
from torch import zeros

import backbones
from tricklift.config_keys import parse_options
from tricklift.errors import UserError
from tricklift.records.identity import config_hash
from tricklift.suite import begun_with, jobs, tier_file
from tricklift.suite import plan as planning
from tricklift.train import build_config


@pytest.mark.parametrize("tier", tier_file.names())
def test_each_job_comes_after_those_that_it_needs(tier, tmp_path):
    plan = planning.plan(tier, tmp_path, (0, 1))
    names = [job.name for job in plan]
    assert len(set(names)) == len(names)
    for place, job in enumerate(plan):
        assert set(job.needs) <= set(names[:place])
    what = tier_file.read(tier)
    networks = max(1, len(what.networks))
    each = [2 + len(row.downstream) if row.downstream else 1 for row in what.rows]
    teachers = 2 * len(what.teachers)
    random = len(what.heads) * (len(what.random_init) + len(what.weights))
    assert len(plan) == 2 * (networks * sum(each) + teachers + random)


def test_downstream_seeds_run_from_every_pretraining(tmp_path):
    rows = ["random-init", "resnet18_d-tricks"]
    plan = planning.plan("mini", tmp_path, (0, 1), (0, 1, 2), rows)
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
    plan = planning.plan("cifar10", tmp_path)
    names = [job.name for job in plan]
    assert names.count("export/resnet34_d-smooth-seed0") == 1
    for row in ("resnet18_d-distill", "resnet18_d-mixup-distill"):
        student = plan[names.index(f"cls/{row}/seed0")]
        assert student.needs == ("export/resnet34_d-smooth-seed0",)
        file = tmp_path / "exports" / "resnet34_d-smooth-seed0.safetensors"
        assert student.options == (f"model.distillation.teacher.checkpoint={file}",)
    assert not [name for name in names if name.startswith(("det/resnet34", "seg/resnet34"))]


LITE = "random-init-timm_tf_efficientnet_lite0"


def test_networks_without_pretraining_are_rows_of_their_own(tmp_path):
    def names(*rows: str) -> list[str]:
        jobs = planning.plan("small", tmp_path, (0,), rows=rows, heads=["det"])
        return [job.name for job in jobs]

    resnet, lite = "det/random-init-resnet18_b/seed0", f"det/{LITE}/seed0"
    assert names("random-init") == [resnet, lite]
    assert names(LITE) == [lite]
    assert names("random-init-resnet18_b") == [resnet]
    assert tier_file.read("small").row_names()[-3:] == [
        "random-init",
        "random-init-resnet18_b",
        LITE,
    ]
    assert tier_file.read("mini").row_names()[-1] == "random-init"
    with pytest.raises(ValueError, match=r"unknown row 'random-init-resnet18_b'; the tier has"):
        planning.plan("mini", tmp_path, rows=["random-init-resnet18_b"])


def test_given_weights_are_a_file_in_place_or_a_librarys(tmp_path, monkeypatch):
    def start(**options) -> str:
        monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "archives"))
        rows = ["imagenet-weights"]
        (job,) = planning.plan("small", tmp_path, (0,), rows=rows, heads=["det"], **options)
        assert any("data_preprocessor.std=[127.5" in option for option in job.options)
        return job.pretrained

    assert start(root=tmp_path / "root") == "timm/tf_efficientnet_lite0.in1k"
    for folder in ("archives", "root"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "tf_efficientnet_lite0.safetensors"
        file.write_bytes(b"")
        assert start(root=tmp_path / "root") == str(file)


def test_given_weights_that_are_nowhere_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("TRICKLIFT_DATA", raising=False)
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: own\nweights: [{name: given, backbone: resnet18_b, checkpoint: w.safetensors}]\n"
        "downstream: [{task: seg, config: seg/mini/fcn}]\n"
    )
    wanted = rf"'given' starts from w\.safetensors, which is not in {tmp_path}; .*leave the row out"
    with pytest.raises(FileNotFoundError, match=wanted):
        planning.plan(file, tmp_path / "out", root=tmp_path)
    file.write_text(file.read_text().replace("checkpoint: w.safetensors", "checkpoint: []"))
    with pytest.raises(ValueError, match=r"weights\[0\]: 'checkpoint' is missing"):
        planning.plan(file, tmp_path / "out")


def test_unknown_row(tmp_path):
    with pytest.raises(ValueError, match=r"unknown row 'resnet18_d-trick'; the tier has .*random"):
        planning.plan("mini", tmp_path, rows=["resnet18_d-trick"])


def test_the_mini_tier_is_the_main_job(tmp_path):
    plan = {job.name: job for job in planning.plan("mini", tmp_path)}
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
        planning.plan("mini", tmp_path, seeds)


def test_unknown_tier(tmp_path):
    with pytest.raises(ValueError, match=r"unknown tier 'ful'; known: .*mini, small, smoke"):
        planning.plan("ful", tmp_path)


def test_tricks_stand_beside_the_rows_without_them(tmp_path):
    plan = planning.plan("mini", tmp_path, rows=["resnet18_b-baseline"], tricks=["resnet_d", "ema"])
    training, export, detection, segmentation = plan
    assert training.name == "cls/resnet18_b-baseline+resnet_d+ema/seed0"
    assert training.command(resume=False)[-2:] == ["--tricks", "resnet_d,ema"]
    plain = planning.plan("mini", tmp_path, rows=["resnet18_b-baseline"])[0]
    assert config_hash(training.resolved()) != config_hash(plain.resolved())
    assert export.file.name == "resnet18_b-baseline+resnet_d+ema-seed0.safetensors"
    assert (detection.backbone, segmentation.backbone) == ("resnet18_d", "resnet18_d")
    assert not detection.options and not detection.tricks


def test_tricks_of_detection_go_over_the_detector_alone(tmp_path):
    rows = ["resnet18_b-baseline", "random-init"]
    plain = planning.plan("mini", tmp_path, rows=rows)
    plan = planning.plan("mini", tmp_path, rows=rows, tricks=["giou_loss", "cosine"])
    assert [job.name for job in plan] == [
        "cls/resnet18_b-baseline+cosine/seed0",
        "export/resnet18_b-baseline+cosine-seed0",
        "det/resnet18_b-baseline+cosine-seed0+giou_loss/seed0",
        "seg/resnet18_b-baseline+cosine-seed0/seed0",
        "det/random-init+giou_loss/seed0",
        "seg/random-init/seed0",
    ]
    assert [job.tricks for job in plan if isinstance(job, jobs.Training)] == [
        ("cosine",),
        ("giou_loss",),
        (),
        ("giou_loss",),
        (),
    ]
    cfg = build_config(plan[2].config, tricks=plan[2].tricks)
    assert cfg.model.roi_head.bbox_head.loss_bbox.type == "GIoULoss"
    assert config_hash(plan[-1].resolved()) == config_hash(plain[-1].resolved())
    # Without a trick of classification, the pretraining is the plain row's, and shared with it.
    plan = planning.plan("mini", tmp_path, rows=rows, tricks=["giou_loss"])
    assert plan[0] == plain[0] and plan[1] == plain[1] and plan[3] == plain[3]


def test_a_trick_that_changes_the_network_changes_it_downstream(tmp_path):
    plan = planning.plan(
        "mini", tmp_path, rows=["resnet18_b-baseline"], tricks=["se", "deformable", "zero_gamma"]
    )
    assert plan[2].options == (
        "model.backbone.se=True",
        "model.backbone.deformable_stages=(1,2,3)",
    )
    cfg = build_config(plan[2].config, options=parse_options(plan[2].options))
    assert cfg.model.backbone.se is True
    assert tuple(cfg.model.backbone.deformable_stages) == (1, 2, 3)


def test_a_teacher_for_distillation(tmp_path, monkeypatch):
    file = tmp_path / "teacher.safetensors"
    save_file({"w": zeros(1)}, str(file))
    monkeypatch.chdir(tmp_path)
    asked = {"rows": ["resnet18_b-baseline"], "tricks": ["distillation"]}
    training = planning.plan("mini", tmp_path, teacher=file.name, **asked)[0]
    assert training.command(resume=False)[-2:] == ["--teacher", str(file)]
    hashes = {config_hash(training.resolved())}
    other = planning.plan("mini", tmp_path, teacher="timm/resnet18", **asked)[0]
    hashes.add(config_hash(other.resolved()))
    assert len(hashes) == 2
    cfg = build_config(training.config, tricks=training.tricks, teacher=training.teacher)
    assert cfg.model.distillation.teacher == dict(name=None, checkpoint=str(file))
    with pytest.raises(ValueError, match="--tricks distillation needs --teacher: an exported file"):
        planning.plan("mini", tmp_path, **asked)
    with pytest.raises(ValueError, match="--teacher is for --tricks distillation, which is not"):
        planning.plan("mini", tmp_path, teacher=file.name)
    with pytest.raises(FileNotFoundError, match=r"--teacher: no file 'x\.pth'; give an exported"):
        planning.plan("mini", tmp_path, teacher="x.pth", **asked)
    with pytest.raises(ValueError, match="--teacher: nothing is distilled here; add --tricks dist"):
        build_config(training.config, teacher=str(file))


def test_tricks_that_a_row_cannot_have_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="trick 'mixup' is on already"):
        planning.plan("mini", tmp_path, tricks=["mixup"])
    with pytest.raises(ValueError, match="unknown trick 'mixpu'"):
        planning.plan("mini", tmp_path, tricks=["mixpu"])
    with pytest.raises(ValueError, match="tricks 'giou_loss' and 'ciou_loss' cannot be combined"):
        planning.plan("mini", tmp_path, tricks=["giou_loss", "ciou_loss"])
    with pytest.raises(ValueError, match="trick 'ema' is named 2 times"):
        planning.plan("mini", tmp_path, tricks=["ema", "ema"])
    with pytest.raises(ValueError, match=r"--tricks ema goes over pretrainings.*add a row to"):
        planning.plan("mini", tmp_path, rows=["random-init"], tricks=["ema", "giou_loss"])


def test_a_backbone_takes_the_place_of_each_rows_own(tmp_path):
    asked = {"rows": ["random-init", "resnet18_b-baseline"], "backbones": ["timm/dpn68"]}
    plan = planning.plan("mini", tmp_path, **asked)
    assert [job.name for job in plan] == [
        "cls/timm_dpn68-baseline/seed0",
        "export/timm_dpn68-baseline-seed0",
        "det/timm_dpn68-baseline-seed0/seed0",
        "seg/timm_dpn68-baseline-seed0/seed0",
        "det/random-init-timm_dpn68/seed0",
        "seg/random-init-timm_dpn68/seed0",
    ]
    assert {job.backbone for job in plan if isinstance(job, jobs.Training)} == {"timm/dpn68"}
    training = plan[0]
    assert training.config == "cls/mini/resnet18_b-baseline"
    cfg = build_config(training.config, backbone=training.backbone)
    assert cfg.model.backbone.name == "timm/dpn68"
    assert plan[2].pretrained == str(plan[1].file)
    own = planning.plan("mini", tmp_path, rows=asked["rows"])
    assert own[0].name == "cls/resnet18_b-baseline/seed0" and own[0].backbone == "resnet18_b"


def test_tricks_and_a_backbone_together(tmp_path):
    asked = {"rows": ["resnet18_b-baseline"], "tricks": ["cosine", "se"]}
    training, _, detection, _ = planning.plan("mini", tmp_path, backbones=["resnet34_d"], **asked)
    assert training.name == "cls/resnet34_d-baseline+cosine+se/seed0"
    assert (detection.backbone, detection.options) == ("resnet34_d", ("model.backbone.se=True",))


@pytest.mark.parametrize(
    ("rows", "tricks"), [(["resnet18_d-tricks"], []), (["resnet18_b-baseline"], ["resnet_d"])]
)
def test_a_row_that_chooses_its_network_by_a_trick(tmp_path, rows, tricks):
    message = f"cls/mini/{rows[0]} chooses its network by the trick resnet_d, which another"
    with pytest.raises(ValueError, match=message):
        planning.plan("mini", tmp_path, rows=rows, tricks=tricks, backbones=["hardnet39ds"])
    own = planning.plan("mini", tmp_path, rows=rows, tricks=tricks, backbones=["resnet18_d"])
    assert own[2].backbone == "resnet18_d"


def test_an_unknown_backbone(tmp_path):
    with pytest.raises(ValueError, match=r"unknown backbone 'hardnet39'.*did you mean 'hardnet39d"):
        planning.plan("zoo", tmp_path, backbones=["hardnet39"])


def test_the_zoo_has_one_network_of_each_family_and_all_that_are_listed_of_timm():
    networks = tier_file.read("zoo").networks
    assert len({network.label for network in networks}) == len(networks)
    listed = [backbones.info(name) for name in backbones.names()]
    wanted = {it.name if it.family == "timm" else it.family for it in listed} - {"timm/vgg19"}
    given = [backbones.info(network.name) for network in networks]
    assert {it.name if it.family == "timm" else it.family for it in given} == wanted


def test_what_a_network_of_the_zoo_needs_beside_its_name(tmp_path):
    names = ["timm/inception_v3", "resnet18_b+deformable"]
    plan = planning.plan("zoo", tmp_path, backbones=names)
    inception, _, _, segmentation, deformable, _, detection, _ = plan
    assert inception.config == "cls/mini/inception_v3-adamw"
    assert inception.name == "cls/timm_inception_v3-adamw/seed0"
    assert segmentation.options[-1] == "model.backbone.output_stride=32"
    assert deformable.name == "cls/resnet18_b+deformable-adamw/seed0"
    assert deformable.options[-1] == detection.options[-1] == "model.backbone.deformable_stages=[3]"
    for job in (inception, segmentation, deformable, detection):
        file = Path(job.pretrained or tmp_path / "none")
        file.parent.mkdir(exist_ok=True)
        save_file({"w": zeros(1)}, str(file))
        assert config_hash(job.resolved())  # every option is a key that the config has


def test_a_trick_of_ones_own_is_called_by_its_file(tmp_path):
    file = tmp_path / "longer.py"
    file.write_text("train_cfg = dict(max_epochs=7)\n")
    row = {
        "config": "cls/mini/resnet18_b-baseline",
        "backbone": "resnet18_b",
        "title": "B-standard",
    }
    tier = tmp_path / "mine.yaml"
    tier.write_text(yaml.safe_dump({"name": "mine", "data": "miniworld", "rows": [row]}))
    job = planning.plan(str(tier), tmp_path, tricks=[str(file)])[0]
    assert job.name == "cls/resnet18_b-baseline+longer/seed0"
    assert job.tricks == (str(file),) and '+row="B-standard + longer"' in job.options


def test_trackers_are_told_to_each_training_and_change_no_state(tmp_path):
    """On every engine: jobs are read from jobs.json. What was done without them stays done."""
    plain = planning.plan("mini", tmp_path)
    watched = planning.plan("mini", tmp_path, log_to=["tensorboard", "wandb"])
    for before, job in zip(plain, watched, strict=True):
        assert jobs.from_json(json.loads(json.dumps(jobs.to_json(job)))) == job
        if isinstance(job, jobs.Export):
            assert job == before
            continue
        command = job.command(resume=True)
        assert command[command.index("--log-to") + 1] == "tensorboard,wandb"
        assert "--log-to" not in before.command(resume=True)
        assert begun_with.digest(job) == begun_with.digest(before)
    with pytest.raises(UserError, match=r"--log-to takes .*'wandbb'; did you mean 'wandb'"):
        planning.plan("mini", tmp_path, log_to=["wandbb"])
