"""Tier files: what they hold becomes jobs, and what is wrong in one is said with its place."""

from pathlib import Path

import pytest

from tricklift import configs
from tricklift.config_keys import parse_options
from tricklift.errors import UserError
from tricklift.paper.table_cells import CELLS, TEACHERS, needs_of
from tricklift.suite import tier_file
from tricklift.suite.jobs import Export, Training
from tricklift.suite.plan import plan
from tricklift.suite.tiers import Claim, Head, Network, Row, Weights
from tricklift.train import build_config

MINE = """
name: mine
data: {cls: cifar10, seg: [my/camvid]}
rows:
  - {config: near.py, backbone: resnet18_b, options: [train_cfg.max_epochs=1]}
  - name: taught
    title: "+ a teacher"
    config: cls/mini/resnet18_b-baseline
    backbone: resnet34_d
    teacher: big
teachers:
  - {name: big, config: cls/mini/resnet18_b-baseline, backbone: resnet34_b}
random_init: [resnet18_b, timm/dpn68]
weights:
  - {name: given, backbone: resnet18_b, checkpoint: packs/a.safetensors}
  - {name: of-timm, backbone: timm/resnet18d, checkpoint: timm/resnet18d.ra2_in1k}
downstream:
  - {task: seg, config: seg/mini/fcn, options: train_cfg.max_iters=2}
seeds: [0, 1]
downstream_seeds: 5
options: {seg: [train_dataloader.batch_size=2]}
claims:
  - {row: a, against: b, metric: top1, sign: "+"}
"""


@pytest.fixture
def mine(tmp_path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    near = configs.find_config("cls/mini/resnet18_b-baseline")
    (tmp_path / "near.py").write_text(f'_base_ = ["{near}"]\n')
    return file


def test_a_tier_of_ones_own(mine, tmp_path, monkeypatch):
    monkeypatch.delenv("TRICKLIFT_DATA", raising=False)  # weights are looked for there too
    given_weights = tmp_path / "sets" / "packs" / "a.safetensors"
    given_weights.parent.mkdir(parents=True)
    given_weights.touch()
    jobs = {job.name: job for job in plan(mine, tmp_path / "out", root=tmp_path / "sets")}
    of_first_seed = [
        "cls/near/seed0",
        "export/near-seed0",
        "seg/near-seed0/seed5",
        "cls/big/seed0",
        "export/big-seed0",
        "cls/taught/seed0",
        "export/taught-seed0",
        "seg/taught-seed0/seed5",
    ]
    given = [
        "seg/given/seed5",
        "seg/of-timm/seed5",
        "seg/random-init-resnet18_b/seed5",
        "seg/random-init-timm_dpn68/seed5",
    ]
    of_second = [name.replace("seed0", "seed1") for name in of_first_seed]
    assert list(jobs) == [*of_first_seed, *given, *of_second]
    near = jobs["cls/near/seed0"]
    assert near.config == str((tmp_path / "near.py").resolve())
    assert near.options == ("benchmark.tier=mine", "train_cfg.max_epochs=1")
    assert jobs["cls/taught/seed0"].options[-1] == (
        f"model.distillation.teacher.checkpoint={tmp_path}/out/exports/big-seed0.safetensors"
    )
    assert jobs["cls/taught/seed0"].options[1] == '+row="+ a teacher"'
    assert jobs["seg/given/seed5"].pretrained == str(given_weights)
    assert jobs["seg/of-timm/seed5"].pretrained == "timm/resnet18d.ra2_in1k"
    assert jobs["seg/near-seed0/seed5"].options == (
        "benchmark.tier=mine",
        "train_dataloader.batch_size=2",
        "train_cfg.max_iters=2",
    )
    assert jobs["seg/taught-seed0/seed5"].backbone == "resnet34_d"
    read = {job.data for job in jobs.values() if isinstance(job, Training)}
    assert read == {("cifar10",), ("my/camvid",)}
    cfg = near.resolved()
    assert (cfg.benchmark.tier, cfg.train_cfg.max_epochs) == ("mine", 1)
    assert tier_file.read(mine).claims[0].sign == "+"


@pytest.mark.parametrize(
    ("given", "instead", "said"),
    [
        ("name: mine", "", "'name' is missing"),
        ("name: mine", "name: a/b", "'name' takes letters.*got 'a/b'"),
        ("\nseeds:", "\nseed:", "unknown key 'seed'; known: .*did you mean 'seeds'"),
        ("seeds: [0, 1]", "seeds: [a]", r"'seeds' takes a list of whole numbers, got \['a'\]"),
        ("config: near.py, ", "", r"rows\[0\]: 'config' is missing"),
        ("near.py", "nowhere.py", r"rows\[0\]: 'config': no config 'nowhere.py'"),
        ("backbone: resnet34_d", "bakbone: x", r"rows\[1\]: unknown key 'bakbone'.*'backbone'"),
        ("backbone: resnet34_d", "backbone: 7", r"rows\[1\]: 'backbone' takes text, got 7"),
        ("backbone: resnet34_d", "backbone: resnet34_x", "unknown backbone 'resnet34_x'"),
        ("[train_cfg.max_epochs=1]", "[train_cfg]", r"takes KEY=VALUE .*, got 'train_cfg'"),
        ("teacher: big", "teacher: bigg", "no teacher 'bigg'.*did you mean 'big'"),
        ("teacher: big", "teacher: taught", "row 'taught' is taught by itself"),
        ("name: taught", "name: near", "more than one row is called 'near'"),
        ("task: seg", "task: sgm", r"downstream\[0\]: 'task' takes det, seg, got 'sgm'"),
        ("{seg: [train", "{sgm: [train", "options: unknown key 'sgm'; known: cls, det, seg"),
        ("metric: top1", "metric: top2", r"claims\[0\]: 'metric' takes top1"),
        ("  - {task: seg,", "  - 3\n  - {task: seg,", r"downstream\[0\]: takes keys .*got 3"),
        ("name: mine", "name: [", "not readable as YAML"),
        ("cifar10", "cifar", "data: unknown data set 'cifar'; known: .*did you mean 'cifar10'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(mine, tmp_path, given, instead, said):
    assert MINE.count(given) == 1
    mine.write_text(MINE.replace(given, instead))
    with pytest.raises(ValueError, match=said) as error:
        plan(mine, tmp_path)
    assert str(mine) in str(error.value)


def test_a_file_that_holds_no_keys_and_one_that_is_not_there(tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(ValueError, match=r"empty.yaml: takes keys \(name, .*got None"):
        tier_file.read(empty)
    empty.write_text("name: x")
    with pytest.raises(ValueError, match="nothing to run; give 'rows'"):
        tier_file.read(empty)
    with pytest.raises(FileNotFoundError, match=r"no tier file '.*gone.yaml'"):
        tier_file.read(tmp_path / "gone.yaml")


def test_two_heads_of_a_task_need_names(mine, tmp_path):
    more = "  - {task: seg, config: seg/mini/fcn}\nseeds:"
    mine.write_text(MINE.replace("seeds:", more, 1))
    with pytest.raises(ValueError, match="two heads are called 'seg'; give each a 'name'"):
        tier_file.read(mine)


@pytest.mark.parametrize("name", sorted(set(tier_file.names()) - {"full"}))
def test_a_provided_tier_says_what_its_configs_are(name, tmp_path):
    tier = tier_file.read(name)
    assert tier.name == name and tier.about and all(tier.data.values())
    seen = set()
    for job in plan(tier, tmp_path):
        if isinstance(job, Export) or (job.config, job.options) in seen:
            continue
        seen.add((job.config, job.options))
        options = [option for option in job.options if "teacher.checkpoint" not in option]
        cfg = build_config(job.config, tricks=job.tricks, options=parse_options(options))
        own = tier.networks or job.name.startswith(("det", "seg"))
        assert own or cfg.model.backbone.name == job.backbone
        assert cfg.benchmark.tier == name


def test_the_full_tier_fills_every_cell_of_the_papers_tables(tmp_path):
    jobs = {job.name: job for job in plan("full", tmp_path)}
    trainings = [job for job in jobs.values() if isinstance(job, Training)]
    assert len({job.config for job in trainings}) == len(trainings)
    cells = {name for cell in CELLS for name in (cell.config, *cell.needs)}
    assert {job.config for job in trainings} == cells | set(TEACHERS)
    networks = {cell.config: cell.network for cell in CELLS}
    for job in trainings:
        assert job.backbone == networks.get(job.config, job.backbone)
        before = [jobs[need] for need in job.needs]
        assert all(isinstance(one, Export) for one in before)
        assert tuple(one.training.config for one in before) == needs_of(job.config)
        told = " ".join((*job.options, job.pretrained or ""))
        assert all(str(one.file) in told for one in before)  # it is what the run starts from
        assert all(option.startswith("model.distillation") for option in job.options)


@pytest.mark.parametrize("table", dict.fromkeys(cell.table for cell in CELLS))
def test_a_table_takes_the_runs_of_its_cells_and_what_they_need(table, tmp_path):
    asked = {cell.config for cell in CELLS if cell.table == table}
    wanted = set(asked)
    while more := {need for name in wanted for need in needs_of(name)} - wanted:
        wanted |= more
    jobs = plan("full", tmp_path, tables=[table])
    assert {job.config for job in jobs if isinstance(job, Training)} == wanted
    if table <= "7":
        heads = [job.name for job in jobs if job.name.startswith(("det", "seg"))]
        taught = {job.training.config for job in jobs if isinstance(job, Export)}
        assert not heads and taught == wanted - asked  # pretraining alone, but for teachers


def test_heads_and_rows_of_the_paper(tmp_path):
    rows = ["resnet50_b-standard", "resnet50_d-distill"]
    jobs = plan("full", tmp_path, tables=["8", "9"], heads=["c4", "seg"], rows=rows)
    assert [job.name for job in jobs if job.name.startswith(("det", "seg"))] == [
        f"{head}/{row}-seed0/seed0" for row in rows for head in ("det-c4", "seg-fcn", "seg-pspnet")
    ]
    assert {name for job in jobs if isinstance(job, Training) for name in job.data} == {
        "imagenet",
        "voc",
        "ade20k",
    }
    with pytest.raises(ValueError, match="unknown head 'c5'; the tier has c4, det, fpn, "):
        plan("full", tmp_path, heads=["c5"])
    with pytest.raises(ValueError, match="no table '10'; there are 2, "):
        plan("full", tmp_path, tables=["10"])
    with pytest.raises(ValueError, match="no row of the paper's tables 7"):
        plan("full", tmp_path, tables=["7"], rows=rows)
    with pytest.raises(ValueError, match="no network for 'random-init'; name it by --backbones"):
        plan("full", tmp_path, rows=["random-init"])
    random = plan("full", tmp_path, rows=["random-init"], backbones=["hardnet39ds"], heads=["fpn"])
    assert [job.name for job in random] == ["det-fpn/random-init-hardnet39ds/seed0"]


def test_the_example_of_the_docs(repo, tmp_path):
    text = (repo / "docs" / "tiers.md").read_text()
    file = tmp_path / "example.yaml"
    file.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    tier = tier_file.read(file)
    jobs = plan(tier, tmp_path / "out")
    assert len(jobs) == 3 * (3 * 4 + 2)
    strong = next(job for job in jobs if job.name == "cls/mixup-0.4/seed0")
    assert strong.tricks == ("mixup",)
    cfg = strong.resolved()
    assert (cfg.row, cfg.model.mixup.alpha, cfg.benchmark.tier) == (
        "mixup-0.4",
        0.4,
        "mixup-strength",
    )
    asked = plan(tier, tmp_path / "out", rows=["mixup-0.4"], tricks=["ema"], seeds=[0])
    assert asked[0].name == "cls/mixup-0.4+ema/seed0"
    assert (asked[0].tricks, asked[0].resolved().row) == (("mixup", "ema"), "mixup-0.4 + ema")


def test_the_docs_list_every_key(repo):
    text = (repo / "docs" / "tiers.md").read_text()
    keys = {*tier_file.KEYS, *Row.__dataclass_fields__, *Head.__dataclass_fields__}
    keys |= {*Network.__dataclass_fields__, *Weights.__dataclass_fields__}
    keys |= set(Claim.__dataclass_fields__)
    assert not {key for key in keys if f"`{key}`" not in text}


def test_a_config_whose_name_no_file_has(tmp_path):
    """Found by random files: the system's error for a long name was no answer."""
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nrows:\n  - {{config: {'a' * 500}, backbone: resnet18_b}}\n")
    with pytest.raises(UserError, match=r"rows\[0\].*no config"):
        tier_file.read(file)
