"""Heads by the name of the config: rows of the full tier share one, and the paper has two."""

import pytest

from tricklift.paper.table_cells import HEADS, cells
from tricklift.tables.heads import head, is_of_paper


@pytest.mark.parametrize(("table", "setting", "config"), [entry[:3] for entry in HEADS])
def test_rows_of_the_full_tier_share_a_head(run, table, setting, config):
    of_head = [cell for cell in cells(table) if cell.setting == setting]
    assert len(of_head) == 7
    for cell in of_head:
        of_row = run(cell.row, cell.task, 1.0, config=f"/elsewhere/configs/{cell.config}.py")
        assert head(of_row) == config.rpartition("/")[2]
        assert is_of_paper(of_row) == (cell.paper is not None) == (setting in ("C4", "FCN"))


def test_other_configs_are_heads_of_their_own(run):
    assert head(run("x", "det", 1.0, config="configs/det/mini/faster_rcnn_fpn.py")) == (
        "faster_rcnn_fpn"
    )
    mine = run("x", "det", 1.0, config="mine/faster_rcnn_c4-d-mine.py")
    assert head(mine) == "faster_rcnn_c4-d-mine"
    assert not is_of_paper(mine)


def test_tricks_make_another_head(run):
    changed = run("x", "det", 1.0, config="faster_rcnn_c4.py", tricks=["giou_loss"])
    assert head(changed) == "faster_rcnn_c4 + giou_loss"
    assert not is_of_paper(changed)
