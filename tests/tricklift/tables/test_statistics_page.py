"""The page's sections on how rows differ."""

from tricklift.tables import page as tables
from tricklift.tables.analysis import Question, analyse
from tricklift.tables.claims import Claim
from tricklift.tables.compare import build_rows, lines
from tricklift.tables.differences import Difference
from tricklift.tables.statistics_page import gain, section

LADDER = ("B-standard", "D-efficient", "+ cosine")


def several(run, rows=LADDER, gains=(0.0, 10.0, 10.5)) -> list:
    return [
        run(row, task, 60.0 + gain + seed, seed, seed)
        for row, gain in zip(rows, gains, strict=True)
        for seed in (0, 1, 2)
        for task in ("cls", "det")
    ]


def text_of(runs: list, **asked) -> str:
    return section(analyse(lines(runs), Question(**asked)))


def line_of(text: str, title: str, start: str) -> str:
    part = text.partition(title)[2]
    return next(line for line in part.splitlines() if line.startswith(start))


def test_the_page_has_its_sections_in_order(run, tmp_path):
    runs = several(run)
    page = tables.to_markdown(build_rows(runs), runs, tmp_path)
    titles = [line for line in page.splitlines() if line.startswith("#")]
    assert titles[:5] == [
        "# Transfer table: small",
        "## How rows differ",
        "### Against B-standard",
        "### Step by step",
        "### Ranks",
    ]
    assert "| B-standard | b | d | 61.00 ± 1.00 (n=3) | 61.00 ± 1.00 (n=3) | - | - |" in page


def test_what_is_decided_is_bold(run):
    text = text_of(several(run), paired=False)
    # standard deviation 1 with 6 degrees of freedom: 10 +- t(0.975, 6) * sqrt(2 / 3)
    assert "| D-efficient | B-standard | **+10.00 [+8.00, +12.00] p < 0.001** |" in text
    # 0.5 over sqrt(2 / 3) is t = 0.612: p 0.563
    assert "| + cosine | D-efficient | +0.50 [-1.50, +2.50] p = 0.563 |" in text
    assert gain(Difference("a", "b", -1.0)) == "-1.00"


def test_the_page_says_what_could_be_found_and_what_would_decide(run):
    text = text_of(several(run), pairs="ladder", paired=False)
    # by itself: sqrt(2 / 3) times 3.367, which 6 degrees of freedom find in four of five trials
    found = line_of(text, "The smallest true gain", "| top-1 ")
    assert found.startswith("| top-1 | 1.00 | 6 | 3 | 2.75 |")
    # standard deviation 1, 3 x (n - 1) degrees of freedom: as above with 3
    assert line_of(text, "### More pretrainings", "| top-1 ").startswith("| top-1 | 2.75 | 1.9")
    part = text.partition("would decide, in four of five")[2].partition("###")[0]
    # at the 2.5 % of two steps, by the normal: 2 * (2.2414 + 0.8416)^2 / 0.5^2 = 76.04
    assert "| + cosine | D-efficient | 77 | 77 |" in part
    assert "\n| D-efficient" not in part  # decided


def test_the_paper_stands_beside_its_steps_alone(run):
    assert "| D-efficient | B-standard | +1.02 | +0.76 | +0.80 | +1.83 |" in text_of(several(run))
    assert "Source: arXiv:1812.01187 Table 8" in text_of(several(run))
    assert "The paper's" not in text_of(several(run, ("B-baseline", "D-tricks", "mine")))


def test_with_one_pretraining_a_row_the_page_speaks_of_checkpoints(run):
    runs = [run(row, "cls", 80.0) for row in LADDER]
    text = text_of(runs, paired=False)
    assert "top-1: no row was pretrained more than once" in text
    assert "holds for these checkpoints alone" in text.replace("\n", " ")
    for absent in (
        "More pretrainings",
        "p =",
        "p <",
        "Dunnett",
        "pooled",
        "[",
        "### Ranks",
        "smallest true gain",
    ):
        assert absent not in text, absent
    runs += [run(row, "det", 40.0 + seed, seed) for row in LADDER for seed in (0, 1)]
    text = text_of(runs, paired=False)
    # runs downstream: standard deviation sqrt(1 / 2) with 3 degrees of freedom, two of each row
    assert "| + cosine | D-efficient | +0.00 | +0.00 [-2.25, +2.25] |" in text
    assert "p =" not in text


def test_the_model_that_was_asked_for_is_stated(run):
    plain = text_of(several(run), paired=False)
    assert "share one standard deviation over" in plain and "Dunnett's test" in plain
    assert "Tukey's test" in text_of(several(run), pairs="all", paired=False)
    own = text_of(several(run), variance="own", pairs="all")
    assert "Welch" in own and "Sidak" in own and "Tukey" not in own
    runs = [*several(run), *several(run, ("mine",), (0.3,))]
    for place, record in enumerate(runs):
        record.data["metrics"] = {it: v + place % 5 / 10 for it, v in record["metrics"].items()}
    # by seed what is left of the other rows is 0, 0.1, -0.2 and the like
    paired = text_of([*runs, run("late", "cls", 70.0, 9)], paired=True)
    assert "within each of its seeds" in paired and "Within seeds:" not in paired
    assert "Dunnett" in paired
    assert "by all their values: late over B-standard." in paired
    assert "for all rows together; beside it (Sidak): late." in paired
    more = [run("some", "cls", 70.0, 0), run("late", "cls", 70.0, 9)]
    lacking = text_of([*runs, *more], paired=True)
    assert "Sidak" in lacking and "by all their values: late over B-standard." in lacking
    assert "| within seeds |" in text_of(runs, paired=False)
    assert "Dunnett" in text_of(runs, paired=True)
    some = text_of([*runs, run("late", "det", 70.0, 0, 0)], paired=True)
    assert "top-1: Dunnett's test" in some and "mAP: Intervals and p (Sidak)" in some


def test_claims(run):
    asked = [
        Claim("D-efficient", "B-standard", "top1", "+", "D lifts | top-1"),
        Claim("+ cosine", "D-efficient", "top1", "-"),
        Claim("gone", "B-standard", "miou", "+"),
    ]
    text = text_of(several(run), claims=asked, paired=False).partition("## Claims")[2]
    assert (
        "| D lifts \\| top-1 (D-efficient over B-standard) | top-1 | supported | +10.00 [" in text
    )
    assert "| + cosine is worse than D-efficient in top-1 | top-1 | undecided | +0.50" in text
    assert text.endswith("was run: gone is better than B-standard in mIoU.")


def test_what_nothing_compares_with(run):
    text = text_of([run("a", "det", 40.0), run("b", "det", 41.0, epochs=7)])
    assert "Not compared, as no other row" in text
    assert "a in mAP (1 epochs); b in mAP (7 epochs)." in text


def test_tiers_have_sections_of_their_own(run):
    runs = several(run) + [run(row, "cls", 50.0, tier="mini") for row in LADDER]
    text = text_of(runs)
    assert "### Step by step: mini" in text and "### Step by step: small" in text
