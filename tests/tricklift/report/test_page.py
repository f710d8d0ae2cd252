"""The page (docs/report.md) is one small file that asks nothing, and says what the tables say."""

import base64
import csv
import io
import re
from html import unescape
from html.parser import HTMLParser

import mmengine
import pytest
import torch

from tricklift.report import page as pages
from tricklift.report.headline import answer, sentences
from tricklift.report.html import anchors
from tricklift.report.page import render, sections
from tricklift.report.sections import protocol, transfer
from tricklift.report.study import Study, read
from tricklift.report.wording import signed
from tricklift.tables.analysis import Question, analyse
from tricklift.tables.compare import compare
from tricklift.tables.page import render as table

#: AP of each class beside mAP, as conftest has it.
AWAY = {"cat": -4.0, "dog": 1.0, "owl": 3.0}
#: Attributes by which a page fetches something by itself.
FETCHING = ("src", "srcset", "data", "poster", "action", "background", "manifest", "ping")


class Reader(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", ["page", "ladder_page", "evil_page"])
def test_nothing_is_fetched_and_it_is_small(name, request):
    file = request.getfixturevalue(name)
    text = file.read_text()
    assert file.stat().st_size < 500_000  # 2 MB is the limit, with pictures of data beside it
    for tag, attributes in Reader(text).tags:
        assert tag not in ("iframe", "object", "embed", "base")
        assert not {"href"} & set(attributes) if tag == "link" else True
        for key in FETCHING:
            assert (attributes.get(key) or "data:").startswith("data:"), (tag, attributes)
        if tag != "a":
            address = attributes.get("href") or attributes.get("xlink:href") or "#"
            assert address.startswith("#")
        assert not [key for key in attributes if key.startswith("on")], attributes
    assert not re.search(r"@import|url\((?!#)", text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)', text)[1]
    assert unescape(policy).startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["page", "ladder_page"])
def test_ids_are_unique_and_every_link_inside_leads_somewhere(name, request):
    tags = Reader(request.getfixturevalue(name).read_text()).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inside = [it["href"] for tag, it in tags if tag == "a" and it["href"].startswith("#")]
    assert len(inside) > 5
    named = [it["aria-labelledby"] for _, it in tags if "aria-labelledby" in it]
    assert {link[1:] for link in inside} | set(" ".join(named).split()) <= set(ids)


def test_ids_are_unique_whatever_tiers_and_data_are_called(run, tmp_path):
    records = [
        run(row, task, value, tier=tier, dataset=data, per_class={"voc_map": {"cat": value}})
        for tier in ("my_tier", "my-tier")
        for row, value in (("a", 40.0), ("b", 44.0))
        for task, data in (("cls", "d"), ("det", "кот"), ("det", "пёс"), ("seg", "d"))
    ]
    tags = Reader(render(Study(tmp_path, records))).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert sum(name.startswith("classes-") for name in ids) > 4
    assert len(ids) == len(set(ids))


def test_an_id_that_is_taken_gets_a_number():
    assert anchors(["a 2", "a", "A", "-a-", "猫"]) == ["a-2", "a", "a-3", "a-4", "part"]


def test_names_of_rows_are_text(evil_page, evil):
    text = evil_page.read_text()
    assert "<script>alert" not in text
    assert "<img" not in text
    assert [tag for tag, _ in Reader(text).tags].count("script") == 1
    assert evil in unescape(text)


def test_the_answer_is_that_of_the_tables(demo):
    study = read(demo)
    found = answer(study, "demo")
    assert (found.row, found.baseline) == ("D-efficient + cosine + smooth", "B-standard")
    families = {it.title: it for it in analyse(study.lines).of("baseline")}
    text = unescape(render(study))
    assert [said.title for said in found.said] == ["top-1", "mAP", "mIoU"]
    for said in found.said:
        (same,) = [it for it in families[said.title].differences if it.row == found.row]
        assert said.found == same
        assert f"{signed(same.mean)} [{signed(same.low)}, {signed(same.high)}]" in text


def test_the_ladder_speaks_of_its_top(repo):
    found = answer(read(repo / "docs/results/cifar10"), "cifar10")
    assert (found.row, found.all_tricks) == ("+ mixup w/ distill", True)


def test_downloads_are_those_of_compare(demo):
    study = read(demo)
    files = {file.name: file for section in sections(study) for file in section.downloads}
    for name, style in (("transfer-table.csv", "csv"), ("differences.csv", "differences-csv")):
        encoded = files[name].address.partition("base64,")[2]
        assert base64.b64decode(encoded).decode() == table(*compare(demo), style, demo)
    classes = csv.DictReader(io.StringIO(files["classes-demo-map.csv"].text))
    values = {it["class"]: float(it["B-standard"]) for it in classes}
    (row,) = [it for it in study.rows if it["row"] == "B-standard"]
    assert values == pytest.approx(
        {name: row["voc_map"]["mean"] + away for name, away in AWAY.items()}, abs=1e-3
    )


@pytest.mark.parametrize("name", ["demo", "small", "cifar10"])
def test_the_data_of_every_figure_can_be_taken_along(repo, name):
    """Each section with a figure has a CSV; of the pipeline, there are no data."""
    seen = [section for section in sections(read(repo / "docs/results" / name))
            if "<figure" in section.body and section.anchor != "answer"]  # fmt: skip
    assert {"steps", "correlation", "cost"} <= {section.anchor for section in seen}
    for section in seen:
        assert section.downloads, section.title
        for file in section.downloads:
            header, *lines = csv.reader(io.StringIO(file.text))
            assert lines and {len(line) for line in lines} == {len(header)}, file.name


def of_file(files, name) -> list[dict]:
    return list(csv.DictReader(io.StringIO(files[name].text)))


def test_files_say_what_the_figures_show(repo):
    made = sections(read(repo / "docs/results/small"))
    files = {file.name: file for section in made for file in section.downloads}
    rows = of_file(files, "rows.csv")
    plain = next(it for it in rows if (it["row"], it["title"]) == ("B-standard", "mAP"))
    assert float(plain["low"]) < float(plain["mean"]) < float(plain["high"])
    runs = [run for run in of_file(files, "runs.csv") if run["row"] == "B-standard"]
    of_detection = {run["metrics"] for run in runs if run["task"] == "detection"}
    assert {f"mAP {float(value):.2f}" for value in plain["runs"].split()} == of_detection
    labels = {run["row"] for run in of_file(files, "runs.csv")}
    assert {"random init (resnet18_b)", "random init (timm/tf_efficientnet_lite0)"} <= labels
    steps = of_file(files, "steps.csv")
    cosine = next(it for it in steps if (it["row"], it["title"]) == ("+ cosine", "mIoU"))
    assert cosine["over"] == "D-efficient" and float(cosine["paper"]) == pytest.approx(0.45)
    points = of_file(files, "top1-and-transfer.csv")
    assert {it["row"] for it in points} & {"teacher", "tf_efficientnet_lite0"} == set()
    (body,) = (section.body for section in made if section.anchor == "correlation")
    assert "lack one of the two: random init" in unescape(body)


def test_what_is_beside_the_test_and_in_both_splits_is_named(repo):
    text = unescape(render(read(repo / "docs/results/small")))
    assert "beside it (Sidak): random init (resnet18_b), random init (timm/" in text
    assert "1 validation image of freiburg_groceries" in text
    assert "or given: tf_efficientnet_lite0.safetensors" in text
    own = transfer.section(read(repo / "docs/results/small", Question(variance="own"))).body
    assert "Intervals and p (Sidak) hold" in own and "Dunnett" not in own


def test_the_largest_step_is_named(repo):
    found = answer(read(repo / "docs/results/small"), "small")
    assert [(it.title, it.found.row) for it in found.steps] == [
        ("top-1", "D-efficient"),
        ("mAP", "D-efficient"),
        ("mIoU", "+ cosine"),
    ]


def test_a_command_ends_with_a_sentence_for_each_row(repo, monkeypatch):
    study = read(repo / "docs/results/small")
    found = sentences(study)
    rows = [line.partition(" over B-standard: ")[0] for line in found]
    assert rows[0] == "D-efficient" and "random init" not in rows and len(rows) == 8
    assert rows[-1] == "all tricks together, + mixup w/ distill"
    for said in answer(study, "small").said:
        assert f"{said.found.mean:+.1f} [{said.found.low:+.1f}, " in found[-1]
    monkeypatch.setattr("tricklift.report.headline.MOST_ROWS", 2)
    assert sentences(study) == found[-1:]


def test_random_init_that_is_far_away_is_at_the_edge(demo, repo):
    text = render(read(repo / "docs/results/small"))
    assert "◂ 24.0" in text and "Joined: steps of the ladder." in text
    near = render(read(repo / "docs/results/cifar10"))
    figure = near.partition('id="levels-cifar10-0"')[2].partition("</figure>")[0]
    assert "◂ 26." in figure and "◂ 84.4" not in figure  # above the others in mAP


def test_versions_of_what_a_run_computes_with(run, tmp_path):
    from tricklift.records.machine import versions

    record = run("B-standard", "cls", 70.0)
    record.data["machine"]["versions"] = versions()
    told = protocol.versions([record])
    assert f", torch {torch.__version__.partition('+')[0]}, " in told[0]
    assert f", mmengine {mmengine.__version__}, mmcv" in told[0]


def test_another_baseline(demo):
    study = read(demo, Question(baseline="random init"))
    assert answer(study, "demo").baseline == "random init"
    assert re.search(r'<option value="0" selected>random init', transfer.section(study).body)


def test_many_rows_have_the_chosen_baseline_alone(demo, monkeypatch):
    monkeypatch.setattr("tricklift.report.sections.transfer.MOST_BASELINES", 2)
    text = transfer.section(read(demo)).body
    assert "data-baseline" not in text
    assert 'class="diff loss" data-against="0"' in text


def test_no_run_is_finished(run, tmp_path):
    begun = run("a", "cls", 1.0, status="running")
    text = render(Study(tmp_path, [begun], live=True))
    assert "No run has finished yet" in text
    assert f'http-equiv="refresh" content="{pages.RELOAD}"' in text
    assert "1 of 1 runs have not come to their end" in text


@pytest.mark.parametrize(("tier", "said"), [("small", "within seeds"), ("zoo", "for all rows")])
def test_the_protocol_says_what_the_tier_says_of_seeds(run, tmp_path, tier, said):
    records = [
        run(row, "cls", 40.0 + seed**place, seed, tier=tier)
        for place, row in enumerate("abc")
        for seed in (1, 2, 3)
    ]
    assert said in render(Study(tmp_path, records)).partition("<dt>Statistics")[2][:200]


def test_one_row_has_nothing_to_compare(run, tmp_path):
    records = [run("a", "cls", 50.0), run("a", "det", 30.0)]
    text = render(Study(tmp_path, records))
    assert "Nothing to compare yet" in text
    assert 'id="steps"' not in text
    assert "50.00" in text


def test_one_pretrained_row_is_compared_with_random_init(run, tmp_path):
    records = [run("D-tricks", "cls", 50.0), run("D-tricks", "det", 30.0)]
    records += [run("random init", "det", 20.0, origin=None)]
    study = Study(tmp_path, records)
    found = answer(study, "small")
    assert (found.row, found.baseline) == ("D-tricks", "random init")
    assert [(said.title, said.found.mean) for said in found.said] == [("mAP", 10.0)]
    assert "+10.0 mAP: these checkpoints alone" in render(study)


def test_heads_and_tiers_beside_one_another(run, tmp_path):
    """Two heads of a row are two lines, two tiers two tables; figures keep their own ids."""
    records = [
        run(row, task, value + seed, seed, seed, tier=tier, **({"config": head} if head else {}))
        for tier in ("mini", "small")
        for row, value in (("B-baseline", 40.0), ("D-tricks", 44.0))
        for task, head in (("cls", None), ("det", "c4.py"), ("det", "fpn.py"), ("seg", None))
        for seed in (0, 1)
    ]
    text = render(Study(tmp_path, records))
    tags = Reader(text).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert text.count('aria-label="Transfer table"') == 2
    for head in ("c4", "fpn"):
        assert f"mAP ({head})" in text


def test_a_baseline_of_one_tier_or_with_one_head(run, tmp_path):
    records = [
        run(row, task, value + seed, seed, seed, tier=tier, **({"config": head} if head else {}))
        for tier, rows in (("mini", {"a": 40.0, "b": 42.0}), ("small", {"c": 40.0, "d": 47.0}))
        for row, value in rows.items()
        for task, head in (("cls", None), ("det", "c4.py"), ("det", "fpn.py"))
        for seed in (0, 1)
    ]
    study = Study(tmp_path, records, Question(baseline="b"))
    assert study.baselines == {"mini": "b", "small": "c"}
    assert [answer(study, tier).row for tier in study.tiers] == ["a", "d"]
    assert '<option value="1" selected>b' in transfer.section(study).body
    study = Study(tmp_path, records, Question(baseline="a (c4)"))
    assert '<option value="1" selected>a (c4)' in render(study)
