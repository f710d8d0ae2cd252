"""Shipped reference results beside one's own: refused or marked, and counted once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tricklift.errors import UserError, report_user_errors
from tricklift.records.recipe import recipe_hash, recipe_of
from tricklift.suite.jobs import Training
from tricklift.suite.plan import plan
from tricklift.tables import reference as shipped
from tricklift.tables.analysis import Question, analyse
from tricklift.tables.compare import build_rows, compare, lines
from tricklift.tables.page import render
from tricklift.tables.plots import names, plot
from tricklift.tables.records import Record, find

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results"


@pytest.fixture(scope="module")
def demo() -> shipped.Reference:
    return shipped.read("demo")


def mine(records, row="mine", tier="my own", seeds=(0, 1, 2), **changes) -> list[Record]:
    """Runs like those of the reference's B-standard, of another pretraining, in another folder."""
    found = []
    for record in records:
        data = json.loads(json.dumps(record.data))
        if data["row"] != "B-standard" or data["seed"] not in seeds:
            continue
        data |= {"row": row, "tier": tier, "reference": None, "backbone": "mynet", **changes}
        if data["task"] == "cls":
            data["config_hash"] = "of my pretraining"
        else:
            data["config_hash"] = f"of my {data['task']}"
            data["pretrained"]["config_hash"] = "of my pretraining"
        data["metrics"] = {k: v and v + 1 for k, v in data["metrics"].items()}
        found.append(Record(Path("mine") / record.path, data))
    return found


# What is shipped. --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped.names())
def test_the_shipped_file(name):
    """Small enough, whole, and those of docs/results where they are kept there."""
    file = shipped.FOLDER / f"{name}.json"
    assert file.stat().st_size < 400_000
    text = file.read_text()
    assert "/home/" not in text and "/tmp/" not in text
    held = shipped.read(name)
    assert held.tier == name and held.records
    for record in held.records:
        assert record.done and record.digest and record["schema"] == 2
        if record["task"] != "cls":
            assert record["recipe_hash"] in held.recipes
    assert all(recipe_hash(recipe) == key for key, recipe in held.recipes.items())
    for kept in find(RESULTS / name) if (RESULTS / name).is_dir() else []:
        ours = next(
            it for it in held.records if kept.path.as_posix().endswith(f"/{_place(it, name)}")
        )
        left = {"reference", "recipe_hash"}
        assert {k: v for k, v in ours.data.items() if k not in left} == {
            k: v for k, v in kept.data.items() if k not in left
        }


def _place(record: Record, name: str) -> str:
    return record.path.relative_to(Path(shipped.MARK) / name).as_posix()


@pytest.mark.parametrize("name", shipped.names())
def test_the_tier_still_runs_the_shipped_recipes(name):
    """Else whoever runs it is refused: `python -m benchmarks reference` packs it anew."""
    seeds = sorted({record["seed"] for record in shipped.read(name).records})
    jobs = {it.name: it for it in plan(name, "out", seeds=seeds) if isinstance(it, Training)}
    now: dict = {}
    for record in shipped.read(name).records:
        if record["task"] != "cls":
            job = jobs[Path(_place(record, name)).parent.as_posix()]
            key = (job.config, job.options, job.tricks)
            if key not in now:
                now[key] = recipe_hash(recipe_of(replace(job, pretrained="none").resolved()))
            assert record["recipe_hash"] == now[key], record.path


def test_the_help_names_all():
    told = (RESULTS.parent / "reference" / "commands.md").read_text()
    assert f"that tricklift ships ({', '.join(shipped.names())})" in told


def test_an_unknown_reference():
    with pytest.raises(UserError, match=r"'dmo'.*demo.*did you mean 'demo'"):
        shipped.read("dmo")


# What may stand beside it. -----------------------------------------------------------------------


def test_rows_stand_beside_it_marked(demo, tmp_path):
    records = shipped.beside(mine(demo.records), "demo")
    rows = build_rows(record for record in records if record.done)
    told = [(row["row"], row["reference"]) for row in rows]
    assert told == [
        ("random init", "demo"),
        ("B-standard", "demo"),
        ("mine", None),
        ("D-efficient + cosine + smooth", "demo"),
    ]
    page = render(rows, records, "md", tmp_path)
    assert "| B-standard (reference) |" in page and "| mine |" in page
    assert "Rows marked (reference) are results of the tier `demo`" in page
    runs = page.partition("## Runs")[2]
    assert "mine" in runs and "B-standard" not in runs  # one's own alone
    csv = render(rows, records, "csv", tmp_path).splitlines()
    assert csv[0].endswith(",reference") and csv[1].endswith(",demo") and csv[3].endswith(",")
    held = json.loads(render(rows, records, "json", tmp_path))
    assert [row["reference"] for row in held["rows"]] == ["demo", "demo", None, "demo"]
    assert set(held["analysis"]["baselines"].values()) == {"B-standard (reference)"}
    shown = lines(record for record in records if record.done)
    assert names(shown)[1] == "B-standard (reference)"
    assert plot(shown, tmp_path / "rows.svg").read_text().count("reference") >= 3


def test_data_of_one_digest_are_one_whatever_they_are_called(demo):
    """Such as after `tricklift prepare`, which gives a set its title."""
    own = mine(demo.records, dataset="Mini World")
    for record in own:
        if record.pretrained:
            record.data["pretrained"]["dataset"] = "Mini World"
    found = shipped.beside(own, "demo")
    assert {record["dataset"] for record in found} == {"Mini World"}
    rows = lines(record for record in found if record.done)
    assert {line.pretrained for line in rows} == {"Mini World", None}
    for family in analyse(rows, Question(baseline="B-standard (reference)")).of("baseline"):
        assert "mine" in {it.row for it in family.differences}, family.title


def test_pretrainings_of_both_count(demo):
    """Three rows with three pretrainings each: six degrees of freedom, not four or two."""
    records = [it for it in shipped.beside(mine(demo.records), "demo") if it.done]
    found = analyse(lines(records), Question(baseline="B-standard"))
    top1 = next(it for it in found.of("baseline") if it.metric == "top1")
    assert top1.spread.df == 6
    assert dict(top1.counts) == {
        "B-standard (reference)": 3,
        "D-efficient + cosine + smooth (reference)": 3,
        "mine": 3,
    }
    gain = next(it for it in top1.differences if it.row == "mine")
    assert gain.mean == pytest.approx(1.0)  # as `mine` made it


def test_other_seeds_of_a_reference_row_are_a_row_of_ones_own(demo):
    """Seeds 3 to 5 of B-standard: the same recipe, marked apart, each with its pretrainings."""
    own = []
    for record in demo.records:
        data = json.loads(json.dumps(record.data)) | {"reference": None}
        if data["row"] == "B-standard":
            data["seed"] += 3
            if data["pretrained"]:
                data["pretrained"]["seed"] = str(int(data["pretrained"]["seed"]) + 3)
            own.append(Record(Path("mine") / record.path, data))
    records = shipped.beside(own, "demo")
    rows = build_rows(it for it in records if it.done)
    counts = {(row["row"], row["reference"]): row["voc_map"]["n"] for row in rows}
    assert counts["B-standard", None] == counts["B-standard", "demo"] == 3
    done = lines(it for it in records if it.done)
    for name in ("B-standard", "B-standard (reference)"):  # one's own has the plain name
        assert analyse(done, Question(baseline=name)).baselines == {"demo": name}
    assert analyse(done).baselines == {"demo": "B-standard"}


def test_what_one_ran_oneself_counts_once(demo, tmp_path):
    """A copy of the shipped results: nothing is marked, and nothing is counted twice."""
    shutil.copytree(RESULTS / "demo", tmp_path / "runs")
    alone, _ = compare(tmp_path / "runs")
    rows, records = compare(tmp_path / "runs", "demo")
    assert rows == alone
    page = render(rows, records, "md", tmp_path / "runs")
    assert "All 24 runs of the tier `demo` that tricklift ships (commit " in page
    assert "have the config and seeds of runs of yours" in page and "Not counted" not in page
    assert "at most 0.00 top-1, 0.00 mAP, 0.00 pixAcc, 0.00 mIoU." in page  # those of the table
    assert "Rows marked" not in page and "(reference)" not in page
    file = next((tmp_path / "runs").rglob("seg/random-init/seed0/result.json"))
    data = json.loads(file.read_text())
    data["metrics"]["miou"] += 0.25
    file.write_text(json.dumps(data))
    rows, records = compare(tmp_path / "runs", "demo")
    assert "0.25 mIoU" in render(rows, records, "md", tmp_path / "runs")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe_hash": "x"}, "recipe: another one"),
        ({"recipe_hash": None}, "recipe: not recorded"),
        ({"batch_size": 3}, "batch_size: 3 -> "),
        ({"protocol": "mine"}, "protocol: mine -> "),
        ({"data": {"digest": "0123456789"}}, r"data: MiniWorld \[01234567\] -> MiniWorld \["),
        ({"data": None}, r"data: MiniWorld \[unknown\]"),
    ],
    ids=str,
)
def test_what_was_measured_otherwise_is_refused(demo, changes, said):
    with pytest.raises(UserError, match=said) as error:
        shipped.beside(mine(demo.records, **changes), "demo")
    assert "leave --reference out" in str(error.value)


def test_a_refusal_is_a_list_that_can_be_read(demo, capsys):
    """What and why first, then a line for each difference, and the rest counted."""
    changes = {"data": None, "recipe_hash": "x"}
    runs = [
        run
        for number in range(9)
        for run in mine(demo.records, seeds=(number % 3,), protocol=f"mine {number}", **changes)
    ]
    with pytest.raises(SystemExit) as end, report_user_errors():
        shipped.beside(runs, "demo")
    first, header, *lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 2
    assert first.startswith("error: --reference demo: your runs were measured in another way")
    assert first.endswith("leave --reference out") and header == "  yours -> the reference's"
    assert len(lines) == 13 and all(line.startswith("  ") for line in lines)
    assert lines[0].startswith("  cls: data: MiniWorld [unknown] -> MiniWorld [")
    assert "(9 runs, such as mine/" in lines[0] and lines[-1] == "  and 20 differences more"


def test_the_config_beside_a_run_is_read_and_not_run(demo, tmp_path):
    (record,) = [it for it in mine(demo.records, seeds=(0,)) if it["task"] == "seg"]
    there = Record(tmp_path / "result.json", {**record.data, "recipe_hash": "x"})
    canary, config = tmp_path / "canary", tmp_path / Path(str(record["config"])).name
    opens = f"open({str(canary)!r}, 'w')"
    config.write_text(f"{opens}\nmodel = dict(type={opens})\n")
    with pytest.raises(UserError, match="recipe: "):
        shipped.beside([there], "demo")
    assert not canary.exists()


def test_unfinished_runs_are_not_asked(demo):
    assert shipped.beside(mine(demo.records, status="running", batch_size=3), "demo")


def test_a_real_run_of_two_iterations(tiny_root, tmp_path, monkeypatch):
    """Other data (a small MiniWorld) and another recipe, named by their keys."""
    from tricklift.train import build_config, train

    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    quick = {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.batch_size": 2,
    }
    loaders = {
        f"{loader}_dataloader.{key}": value
        for loader in ("train", "val", "test")
        for key, value in {"num_workers": 0, "persistent_workers": False}.items()
    }
    more = {"+val_dataloader.dataset.indices": 2, "model.backbone.width": 0.25}
    cfg = build_config("seg/mini/fcn", options=quick | loaders | more, work_dir=tmp_path / "seg")
    train(cfg)
    record = find(tmp_path)[0]
    assert record["recipe_hash"] == recipe_hash(recipe_of(cfg))
    with pytest.raises(UserError) as error:
        compare(tmp_path, "demo")
    said = str(error.value)
    assert "seg: data: MiniWorld [" in said
    assert "seg: recipe: " in said and "max_iters: 2 -> 80" in said
    assert "seg: batch_size: 2 -> " in said and f"(1 run, such as {tmp_path / 'seg'})" in said
