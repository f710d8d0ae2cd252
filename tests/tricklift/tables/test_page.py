"""The page of a comparison, in its formats, and the command that prints it."""

import csv
import io
import json

import pytest

from tricklift.cli import main
from tricklift.tables import page as tables
from tricklift.tables.analysis import Question
from tricklift.tables.compare import compare

CLS = "cls/full/resnet50_d-efficient"


def test_markdown_says_how_it_came_about(leave, template):
    leave("c", "cls", {"top1": 60.0}, wall_seconds=3725.0)
    (leave.root / "commands.json").write_text('[{"command": "tricklift run small --out x"}]')
    rows, found = compare(leave.root)
    page = tables.render(rows, found, "md", leave.root)
    assert "```\ntricklift run small --out x\n```" in page
    assert "| B-baseline | resnet18_b | cls-data | 60.00 | - | - | - | 1 |" in page
    assert "1. cls-data: top-1" in page
    assert "1:02:05" in page
    assert template["machine"]["torch"] in page
    assert str(leave.root) not in page


def test_configs_have_their_short_names_wherever_the_runs_were(leave):
    leave("c", "cls", {"top1": 60.0}, config="/cluster/tree/configs/cls/small/resnet18_d-mixup.py")
    leave("d", "det", {"voc_map": 50.0}, config="/home/me/mine.py")
    rows, found = compare(leave.root)
    page = tables.render(rows, found, "md", leave.root)
    assert "| cls/small/resnet18_d-mixup |" in page
    assert "| mine.py, resnet18_b |" in page
    assert "/cluster" not in page and "/home" not in page


def test_commands_are_found_below_the_folder_in_order_of_time(leave):
    leave("runs/c", "cls", {"top1": 60.0})
    notes = {
        "": [{"command": "second", "started": "2026-01-02"}],
        "runs": [{"command": "first", "started": "2026-01-01"},
                 {"command": "third", "started": "2026-01-03"}],
        ".stale": [{"command": "gone", "started": "2026-01-01"}],
    }  # fmt: skip
    for name, entries in notes.items():
        (leave.root / name).mkdir(exist_ok=True)
        (leave.root / name / "commands.json").write_text(json.dumps(entries))
    assert tables.commands(leave.root) == "```\nfirst\nsecond\nthird\n```"
    (leave.root / "runs" / "commands.json").write_text('["first"]')
    with pytest.raises(ValueError, match=r"runs/commands.json is not readable .*; remove it"):
        tables.commands(leave.root)


def test_the_csv_has_the_papers_values_and_the_differences(leave, of_paper):
    leave("c", metrics={"top1": 77.0}, **of_paper(CLS))
    rows, found = compare(leave.root)
    text = tables.render(rows, found, "csv", leave.root)
    line = next(csv.DictReader(io.StringIO(text)))
    assert (line["paper_top1"], line["difference_top1"]) == ("77.16", "-0.16")
    assert (line["paper_miou"], line["difference_miou"]) == ("38.88", "")


def test_csv_and_json_hold_the_same(leave):
    leave("c", "cls", {"top1": 60.25})
    rows, found = compare(leave.root)
    assert json.loads(tables.render(rows, found, "json", leave.root))["rows"] == rows
    lines = list(csv.DictReader(io.StringIO(tables.render(rows, found, "csv", leave.root))))
    assert lines[0]["top1_mean"] == "60.25"
    assert lines[0]["miou_mean"] == ""
    with pytest.raises(
        ValueError, match="unknown format 'xml'; known: md, csv, differences-csv, json"
    ):
        tables.render(rows, found, "xml", leave.root)


def test_differences_are_data_too(leave):
    for row, seed, value in (("a", 0, 60.0), ("a", 1, 62.0), ("b", 0, 70.0), ("b", 1, 71.0)):
        leave(f"{row}{seed}", "cls", {"top1": value}, row=row, seed=seed, config_hash=row)
    rows, found = compare(leave.root)
    question = Question(baseline="b")
    held = json.loads(tables.render(rows, found, "json", leave.root, question))["analysis"]
    (difference,) = held["families"][0]["differences"]
    assert (difference["row"], difference["against"], difference["mean"]) == ("a", "b", -9.5)
    assert held["question"]["baseline"] == "b"
    text = tables.render(rows, found, "differences-csv", leave.root, question)
    (line,) = csv.DictReader(io.StringIO(text))
    assert {key: line[key] for key in ("tier", "metric", "title", "kind", "row")} == {
        "tier": "small", "metric": "top1", "title": "top-1", "kind": "baseline", "row": "a",
    }  # fmt: skip
    assert {key: float(line[key]) for key in ("mean", "low", "high", "p")} == pytest.approx(
        {key: difference[key] for key in ("mean", "low", "high", "p")}
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--baseline", "b", "--pairs", "baseline"], "### Against b"),
        (["--pairs", "all", "--variance", "own"], "### All pairs"),
        (["--paired"], "within each of its seeds"),
        (["--claims", "CLAIMS"], "| b is better than a in top-1 | top-1 | "),
        (["--format", "differences-csv"], "tier,metric,title,kind,row,against,mean,low,high,p,"),
    ],
)
def test_the_command_answers_questions(leave, tmp_path, capsys, asked, told):
    for row, seed, value in (("a", 0, 60.0), ("a", 1, 62.0), ("b", 0, 70.0), ("b", 1, 71.0)):
        leave(f"{row}{seed}", "cls", {"top1": value}, row=row, seed=seed, config_hash=row)
    claims = tmp_path / "claims.yaml"
    claims.write_text("claims: [{row: b, against: a, metric: top1, sign: +}]")
    given = [str(claims) if word == "CLAIMS" else word for word in asked]
    with pytest.raises(SystemExit, match="0"):
        main(["compare", str(leave.root), *given])
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--pairs", "some"], "--pairs takes ladder, all or baseline, got 'some'"),
        (["--variance", "both"], "--variance takes pooled or own, got 'both'"),
        (["--baseline", "B-basline"], "no row 'B-basline'; --baseline takes 'B-baseline'; did you"),
        (["--claims", "gone.yaml"], "no file gone.yaml; give a YAML file"),
        (["--by", "backbone", "--pairs", "all"], "takes no --baseline, --pairs"),
    ],
)
def test_questions_that_the_command_refuses(leave, capsys, asked, message):
    leave("c", "cls", {"top1": 60.0})
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(leave.root), *asked])
    assert message in capsys.readouterr().err
