"""What is compared with what, unless it is asked for; questions; claims."""

import dataclasses
import json

import pytest

from tricklift.errors import UserError
from tricklift.tables import claims
from tricklift.tables.analysis import Question, analyse
from tricklift.tables.claims import Claim
from tricklift.tables.compare import lines
from tricklift.tables.pairs import ladder_steps, paper_gains

LADDER = ("B-standard", "D-efficient", "+ cosine")


def pretrained(run, rows: dict[str, float], seeds=(0, 1, 2), **changes) -> list:
    """Pretrainings with a spread of 1, and one detection run of each."""
    return [
        run(row, task, value + seed + less, seed, seed, **changes)
        for row, value in rows.items()
        for seed in seeds
        for task, less in (("cls", 0.0), ("det", -30.0))
    ]


def compared(runs: list, **asked) -> dict[str, list[tuple[str, str]]]:
    """Kind -> pairs in the column of mAP."""
    found = analyse(lines(runs), Question(**asked))
    return {
        family.kind: [(it.row, it.against) for it in family.differences]
        for family in found.families
        if family.metric == "voc_map"
    }


def test_rows_of_any_name_are_compared_with_the_first(run):
    runs = pretrained(run, {"mine": 50.0, "other": 60.0, "third": 70.0})
    assert compared(runs) == {"baseline": [("other", "mine"), ("third", "mine")]}
    assert compared(runs, baseline="third") == {"baseline": [("mine", "third"), ("other", "third")]}
    assert compared(runs, pairs="all") == {
        "all": [("other", "mine"), ("third", "mine"), ("third", "other")]
    }
    assert compared(runs, pairs="ladder") == {}


def test_a_known_ladder_has_its_steps_too(run):
    runs = pretrained(run, {"mine": 1.0, **dict.fromkeys(LADDER, 50.0)})
    runs += [run("random init", "det", 10.0 + seed, seed, origin=None) for seed in (0, 1)]
    found = compared(runs)
    steps = [
        ("B-standard", "random init"),
        ("D-efficient", "B-standard"),
        ("+ cosine", "D-efficient"),
    ]
    assert found["ladder"] == [*steps, ("mine", "random init")]
    others = ["random init", "D-efficient", "+ cosine", "mine"]
    assert found["baseline"] == [(row, "B-standard") for row in others]
    assert compared(runs, pairs="ladder") == {"ladder": found["ladder"]}


def test_nothing_is_shown_twice(run):
    runs = pretrained(run, {"B-baseline": 50.0, "D-tricks": 60.0})
    assert compared(runs) == {"ladder": [("D-tricks", "B-baseline")]}
    assert compared(runs, pairs="baseline") == {"baseline": [("D-tricks", "B-baseline")]}


def test_each_network_has_its_ladder(run):
    runs = [
        made
        for name in ("x", "y")
        for made in pretrained(run, {f"{row}": 50.0 for row in LADDER[:2]}, backbone=name)
    ]
    runs += [run("random init", "det", 10.0, 0, origin=None, backbone="y")]
    assert ladder_steps(lines(runs), "small") == [
        ("B-standard (y)", "random init"),
        ("D-efficient (x)", "B-standard (x)"),
        ("D-efficient (y)", "B-standard (y)"),
    ]


def test_a_ladder_may_change_its_network(run):
    """As the paper's does, from B to D; weights of others are compared with their random init."""
    runs = pretrained(run, {"B-standard": 50.0}) + pretrained(
        run, {"D-efficient": 51.0}, backbone="d"
    )
    runs += [
        run("random init", "det", 10.0, 0, origin=None, backbone=name) for name in ("b", "timm/x")
    ]
    held = {"name": "timm/x", "file": "x"}
    runs += [run("ImageNet weights", "det", 60.0, 0, pretrained=held, backbone="timm/x")]
    assert ladder_steps(lines(runs), "small") == [
        ("B-standard", "random init (b)"),
        ("D-efficient", "B-standard"),
        ("ImageNet weights", "random init (timm/x)"),
    ]


def test_the_mean_of_the_table_and_of_the_differences_is_one(run):
    given = {"a": {(0, 0): 40.0, (0, 1): 44.0, (1, 0): 50.0}, "b": {(0, 0): 41.0, (1, 0): 52.0}}
    runs = [
        run(row, "det", value, seed, origin)
        for row, values in given.items()
        for (origin, seed), value in values.items()
    ]
    family = analyse(lines(runs)).families[0]
    assert family.tested and family.counts == {"a": 2, "b": 2}
    assert family.differences[0].mean == pytest.approx(46.5 - 46.0)
    rows = [line.observations("voc_map").summary()["mean"] for line in lines(runs)]
    assert rows == [46.0, 46.5]


def test_one_pretraining_a_row_says_nothing_of_rows(run):
    runs = [run(row, "cls", 80.0) for row in ("a", "b")]
    runs += [run(row, "det", 40.0 + seed, seed) for row in ("a", "b") for seed in (0, 1)]
    found = analyse(lines(runs), Question(paired=False, claims=[Claim("b", "a", "voc_map", "+")]))
    assert not any(family.tested for family in found.families)
    top1, detection = (family.differences[0] for family in found.families)
    assert (top1.low, top1.p) == (None, None)
    assert detection.low is not None and detection.p is None
    assert found.verdicts[0].said == "undecided"
    assert all(row.rank.low is None for ranking in found.rankings for row in ranking.rows)


def test_heads_are_compared_with_a_baseline_that_names_one(run):
    runs = [
        run(row, "det", 40.0, config=head, config_hash=row + head)
        for row in ("a", "b")
        for head in ("c4.py", "fpn.py")
    ]
    assert compared(runs) == {"baseline": [("b", "a")]}
    across = compared(runs, baseline="a (fpn)")
    assert across == {
        "baseline": [("a (c4)", "a (fpn)"), ("b (c4)", "a (fpn)"), ("b (fpn)", "a (fpn)")]
    }
    assert len(compared(runs, pairs="all")["all"]) == 6


def test_the_baseline_is_a_row_that_compares_with_others(run):
    """Heads of a single row are all there is; its top-1 is alone."""
    runs = [run("a", "cls", 50.0)]
    runs += [run("a", "det", 40.0, config=head) for head in ("c4.py", "fpn.py")]
    assert compared(runs) == {"baseline": [("a (fpn)", "a (c4)")]}


def test_a_row_alone_is_named(run):
    found = analyse(lines([run("a", "det", 40.0), run("b", "det", 41.0, epochs=7)]))
    assert found.families == []
    assert [alone[1:] for alone in found.alone] == [
        ("mAP (1 epochs)", "a"),
        ("mAP (7 epochs)", "b"),
    ]


def test_top1_and_the_order_downstream(run):
    runs = pretrained(run, {f"row {place}": 50.0 + 10 * place for place in range(4)})
    top1, detection = analyse(lines(runs)).rankings
    assert (top1.with_top1, top1.rows[0].row) == (None, "row 3")
    assert (detection.with_top1.value, detection.rows_with_top1) == (pytest.approx(1.0), 4)
    assert (detection.with_top1.low, detection.with_top1.high) == pytest.approx((1.0, 1.0))


def test_claims_are_judged_in_each_column(run):
    runs = pretrained(run, {"a": 50.0, "b": 60.0})
    asked = [
        Claim("b", "a", "top1", "+"),
        Claim("b", "a", "voc_map", "-"),
        Claim("b", "c", "top1", "+"),
    ]
    found = analyse(lines(runs), Question(paired=False, claims=asked)).verdicts
    assert [(it.title, it.said) for it in found] == [
        ("top-1", "supported"), ("mAP", "contradicted"), (None, "undecided"),
    ]  # fmt: skip
    assert found[2].difference is None


def test_claims_name_rows_and_mean_one_network(run):
    fresh = [
        run("random init", "det", 10.0 + seed, seed, origin=None, backbone=it)
        for it in ("b", "x")
        for seed in (0, 1)
    ]
    runs = fresh + pretrained(run, {"a": 50.0}) + pretrained(run, {"other": 50.0}, backbone="y")
    asked = [Claim(row, "random init", "voc_map", "+") for row in ("a", "other")]
    asked.append(Claim("a", "random init (x)", "voc_map", "+"))
    question = Question(paired=False, claims=asked)
    first, unclear, third = analyse(lines(runs), question).verdicts
    assert (first.difference.against, first.said) == ("random init (b)", "supported")
    assert third.difference.against == "random init (x)"
    assert (unclear.difference, unclear.said) == (None, "undecided")


def test_the_claims_of_a_provided_tier_are_judged_unless_others_are_given(
    run, tmp_path, monkeypatch
):
    (tmp_path / "tiers").mkdir()
    claim = "{row: b, against: a, metric: top1, sign: '+'}"
    (tmp_path / "tiers" / "small.yaml").write_text(f"name: small\nclaims: [{claim}]\n")
    monkeypatch.setattr(claims, "config_root", lambda: tmp_path)
    runs = lines(pretrained(run, {"a": 50.0, "b": 60.0}))
    assert [it.said for it in analyse(runs).verdicts] == ["supported"]
    assert analyse(runs, Question(claims=[])).verdicts == []
    (tmp_path / "tiers" / "small.yaml").write_text("name: small\n")
    assert analyse(runs).verdicts == []


def test_a_provided_tier_says_whether_rows_are_compared_within_seeds(run, tmp_path, monkeypatch):
    (tmp_path / "tiers").mkdir()
    (tmp_path / "tiers" / "small.yaml").write_text("name: small\npaired: true\n")
    monkeypatch.setattr(claims, "config_root", lambda: tmp_path)
    runs = [
        run(row, "cls", 50.0 + 10 * seed + lift * seed**2, seed)
        for row, lift in {"a": 0, "b": 1, "c": 3}.items()
        for seed in (0, 1, 2)
    ]
    apart = run("d", "cls", 90.0, 7)

    def of(runs, **asked):
        found = analyse(lines(runs), Question(**asked))
        return found.question.paired, found.families[0]

    (paired, inside), (unpaired, outside) = of(runs), of(runs, paired=False)
    assert (paired, inside.spread.df, inside.within) == (True, 4, None)
    assert (unpaired, outside.spread.df, outside.within) == (False, 6, inside.spread)
    assert inside.apart == outside.apart == []
    assert inside.with_more(3) == pytest.approx(inside.typical("alone"))
    assert outside.with_more(3) == pytest.approx(outside.typical("alone"))
    assert inside.with_more(12) < inside.with_more(3) / 2  # sd alone halves; so do few degrees
    assert of(runs, variance="own")[1].with_more(3) is None  # no one standard deviation
    assert of([*runs, apart])[1].apart == [("d", "a")]
    assert of([*runs, run("a", "cls", 50.0, tier="own")])[0] is False  # not all tiers say so
    assert of(runs, variance="own")[0] is False  # asked for, and another model


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"pairs": "some"}, "--pairs takes ladder, all, baseline, got 'some'"),
        ({"variance": "both"}, "--variance takes pooled or own, got 'both'"),
        ({"paired": True, "variance": "own"}, "are two models; leave one out"),
        ({"baseline": "mien"}, "no row 'mien'; .*'mine \\(x\\)', 'mine \\(y\\)', 'third'"),
        (
            {"baseline": "mine"},
            "'mine' is the name of several rows: 'mine \\(x\\)', 'mine \\(y\\)'",
        ),
    ],
)
def test_questions_that_have_no_answer(run, asked, message):
    runs = [*pretrained(run, {"mine": 50.0}, backbone="x"), *pretrained(run, {"third": 1.0})]
    runs += pretrained(run, {"mine": 50.0}, backbone="y")
    with pytest.raises(UserError, match=message):
        analyse(lines(runs), Question(**asked))


def test_the_papers_gains():
    """77.16 - 76.14, 78.30 - 77.54, 78.88 - 78.08, 38.88 - 37.05: Tables 8 and 9."""
    gains = paper_gains([("D-efficient", "B-standard"), ("D-efficient", "mine")])
    assert list(gains) == [("D-efficient", "B-standard")]
    wanted = {"top1": 1.02, "voc_map": 0.76, "pix_acc": 0.80, "miou": 1.83}
    assert gains["D-efficient", "B-standard"] == pytest.approx(wanted)


def test_all_of_it_is_plain_data(run):
    found = analyse(lines(pretrained(run, dict.fromkeys(LADDER, 50.0))))
    held = json.loads(json.dumps(dataclasses.asdict(found)))
    assert held["families"][0]["differences"][0]["row"] == "D-efficient"
    assert held["baselines"] == {"small": "B-standard"}
