"""What Tables 8 and 9 cost, for `docs/cluster.md`: `python -m tricklift.tables.cost_page FILE`.

Writes between the two marks of the page, and leaves the rest of it alone.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from tricklift.errors import UserError, report_user_errors
from tricklift.markdown import grid
from tricklift.paper.cards import CARDS, hours, newer_software
from tricklift.paper.table_cells import GPUS, cells, needs_of

BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"
#: Stage -> the beginning of its configs' names.
STAGES = {
    "teachers (2)": "cls/full/resnet152",
    "pretraining (7 rows)": "cls/full/resnet50",
    "Faster R-CNN C4 (7)": "det/full/faster_rcnn_c4",
    "Faster R-CNN FPN (7)": "det/full/faster_rcnn_fpn",
    "FCN (7)": "seg/full/fcn",
    "PSPNet (7)": "seg/full/pspnet",
}
#: What the paper's Tables 8 and 9 have: one detector, one segmenter.
PAPER_HEADS = (*tuple(STAGES)[:3], "FCN (7)")


def configs() -> list[str]:
    """All runs of Tables 8 and 9, with what they start from."""
    found: dict[str, None] = {}

    def add(name: str) -> None:
        for need in needs_of(name):
            add(need)
        found[name] = None

    for table in ("8", "9"):
        for cell in cells(table):
            add(cell.config)
    return list(found)


def chain(name: str, card: str) -> float:
    """GPU-hours of a run and of the dearest chain of what it waits for."""
    return hours(name, card) + max((chain(need, card) for need in needs_of(name)), default=0.0)


def section() -> str:
    """The tables and how they are reckoned."""
    names = configs()
    totals = {
        stage: [sum(hours(n, card) for n in names if n.startswith(start)) for card in CARDS]
        for stage, start in STAGES.items()
    }
    both = [sum(column) for column in zip(*totals.values(), strict=True)]
    paper = [sum(totals[stage][place] for stage in PAPER_HEADS) for place in range(len(CARDS))]
    lines = [[stage, *_whole(values)] for stage, values in totals.items()]
    lines.append(["**all, four heads**", *_whole(both)])
    lines.append(["the paper's two heads alone", *_whole(paper)])
    longest = [max(chain(name, card) for name in names) for card in CARDS]
    walls = [
        ["one GPU", *_days(both)],
        [f"one host with {GPUS}", *_days(value / GPUS for value in both)],
        [f"two hosts with {GPUS}", *_days(value / GPUS / 2 for value in both)],
        [f"a cluster that always has {GPUS} free", *_days(value / GPUS for value in longest)],
    ]
    factors = [
        [name, f"{card.half:.2f}", f"{card.single:.2f}", card.source]
        for name, card in CARDS.items()
    ]
    half, single = newer_software()
    return "\n\n".join(
        (
            "GPU-hours of one seed:",
            grid(["stage", *CARDS], lines),
            "Wall time of all four heads, one seed, in days:",
            grid(["on", *CARDS], walls),
            "A card's hours are those of the paper's V100s (`tricklift paper rows`; Table 3's "
            "minutes per epoch, images, epochs and MACs, see tricklift/paper/gpu_hours.py) divided "
            "by how much faster it trains ResNet-50 (tricklift/paper/cards.py):",
            grid(["card", "mixed precision", "float32 (TF32)", "source"], factors),
            f"The last line of the wall times is the longest chain (teacher, pretraining, PSPNet), "
            f"each job on {GPUS} cards; the others take all cards to be busy all the time and "
            "several cards to be as good as their number. Nobody has run this: read them as an "
            "order, within a factor of two. They are too high where the software is newer than "
            f"the paper's and the host keeps up (NVIDIA's code of 2020 is {half:.1f} times as fast "
            f"in mixed precision and {single:.1f} times in float32 as the paper on the same "
            "cards), and too low where it does not, or where one or two images a card leave an "
            "H100 idle: in MLPerf 3.0 an H100 gains 1.4 to 2.0 over an A100, by task.",
        )
    )


def write(page: Path) -> None:
    """Puts the section between the marks of a page.

    Raises:
        UserError: The page has no such marks.
    """
    from tricklift.records.atomic import write_text

    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise UserError(f"{page} must have {BEGIN} and {END}, once each; put them back")
    before, rest = text.split(BEGIN)
    write_text(page, f"{before}{BEGIN}\n{section()}\n{END}{rest.split(END)[1]}")


def _whole(values: Iterable[float]) -> list[str]:
    return [f"{value:,.0f}" for value in values]


def _days(values: Iterable[float]) -> list[str]:
    return [f"{value / 24:.1f}" for value in values]


if __name__ == "__main__":
    with report_user_errors():
        write(Path(sys.argv[1]))
