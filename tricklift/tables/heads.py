"""Heads: which detector or segmenter a run has, by its config; only runs of one are compared.

Full tier: each row has a leaf config of its own, `faster_rcnn_c4-d-cosine`; the head is that of all
of them, `faster_rcnn_c4`.
"""

from pathlib import Path

from tricklift.paper.table_cells import CELLS, HEADS
from tricklift.tables.records import Record

_CONFIGS = {(table, setting): Path(config).name for table, setting, config, _ in HEADS}
#: Leaf of a row -> the leaf that holds its head.
_LEAVES = {
    Path(cell.config).name: _CONFIGS[cell.table, cell.setting]
    for cell in CELLS
    if (cell.table, cell.setting) in _CONFIGS
}
#: Heads with which the paper has values; the others are extensions.
_OF_PAPER = {Path(config).name for _, _, config, metrics in HEADS if metrics}


def head(run: Record) -> str:
    """`faster_rcnn_fpn`, or `faster_rcnn_fpn + giou_loss` with tricks of the run's own."""
    leaf = Path(str(run["config"])).stem
    return " + ".join([_LEAVES.get(leaf, leaf), *(run["tricks"] or ())])


def is_of_paper(run: Record) -> bool:
    """Whether the paper's detection (C4) or segmentation (FCN) is what ran."""
    return head(run) in _OF_PAPER
