"""Heads by the name of the config: rows of the full tier share one, and the paper has two."""

import pytest

from tricklift.paper.table_cells import HEADS, cells
from tricklift.tables.paper_rows import HEADS_OF_PAPER, head_of


@pytest.mark.parametrize(("table", "setting", "config"), [entry[:3] for entry in HEADS])
def test_rows_of_the_full_tier_share_a_head(run, table, setting, config):
    of_head = [cell for cell in cells(table) if cell.setting == setting]
    assert len(of_head) == 7
    for cell in of_head:
        of_row = run(cell.row, cell.task, 1.0, config=f"/elsewhere/configs/{cell.config}.py")
        assert head_of(of_row) == config.rpartition("/")[2]
        assert (
            (head_of(of_row) in HEADS_OF_PAPER)
            == (cell.paper is not None)
            == (setting in ("C4", "FCN"))
        )


def test_other_configs_are_heads_of_their_own(run):
    assert head_of(run("x", "det", 1.0, config="configs/det/mini/faster_rcnn_fpn.py")) == (
        "faster_rcnn_fpn"
    )
    mine = run("x", "det", 1.0, config="mine/faster_rcnn_c4-d-mine.py")
    assert head_of(mine) == "faster_rcnn_c4-d-mine"
    assert head_of(mine) not in HEADS_OF_PAPER


def test_tricks_make_another_head(run):
    changed = run("x", "det", 1.0, config="faster_rcnn_c4.py", tricks=["giou_loss"])
    assert head_of(changed) == "faster_rcnn_c4 + giou_loss"
    assert head_of(changed) not in HEADS_OF_PAPER
