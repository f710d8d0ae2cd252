"""Rank 0 looks at the files of a data set, for all processes of a run."""

import pytest
from two_processes import in_two_processes

from tricklift.data.checks import on_first_rank
from tricklift.errors import MissingFileError

WORKER = """
import os, sys
from pathlib import Path
import cls.datasets, det.datasets, seg.datasets
import tricklift.compat.setup
from mmengine.dist import all_gather_object, get_rank, init_dist
from mmengine.registry import init_default_scope
from tricklift.errors import MissingFileError, UserError

root = Path(sys.argv[1]) / "miniworld"
opened = set()
def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(str(root)):
        opened.add(str(arguments[0]))
sys.addaudithook(watch)
init_dist("pytorch")

def build(kind, place, **options):
    opened.clear()
    if kind is cls.datasets.ClassFolders:
        found = kind(str(place), [], **options)
    else:
        found = kind(data_root=str(place), **options)
    items = [found.get_data_info(i) for i in range(len(found))]
    everywhere = all_gather_object([items, found.metainfo["classes"]])
    assert everywhere[0] == everywhere[1] and items, kind
    print(f"{kind.__name__} rank {get_rank()}: {len(items)} items, {len(opened)} opened\\n", end="")

ade = dict(img_path="images/training", seg_map_path="annotations/training")
lists = dict(ann_file="ImageSets/Main/trainval.txt", data_prefix=dict(sub_data_root=""))
build(cls.datasets.ClassFolders, root / "imagenet/train")
build(det.datasets.MiniWorldDetDataset, root / "VOCdevkit/VOC2007", **lists)
build(seg.datasets.MiniWorldSegDataset, root / "ade", data_prefix=ade)

for kind, place, options, error in (
    (cls.datasets.ClassFolders, root / "imagenet/train", dict(num_classes=3), UserError),
    (cls.datasets.ClassFolders, root / "gone", {}, MissingFileError),
    (det.datasets.CheckedXMLDataset, root / "VOCdevkit/VOC2007",
     dict(lists, metainfo=dict(classes=("cat",))), UserError),
    (seg.datasets.MiniWorldSegDataset, root / "gone", dict(data_prefix=ade), MissingFileError),
):
    try:
        build(kind, place, **options)
    except error as found:
        assert len(set(all_gather_object(str(found)))) == 1
        print(f"refused on rank {get_rank()}\\n", end="")
"""


@pytest.mark.slow
def test_one_of_two_processes_opens_the_files(tiny_root, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    said = in_two_processes(script, tiny_root)
    # pictures; XML, picture of each, and the list; picture and mask (header, labels) of each
    for line in (
        *("ClassFolders rank 0: 64 items, 64 opened", "ClassFolders rank 1: 64 items, 0 opened"),
        "MiniWorldDetDataset rank 0: 24 items, 49 opened",
        "MiniWorldDetDataset rank 1: 24 items, 0 opened",
        "MiniWorldSegDataset rank 0: 12 items, 24 opened",
        "MiniWorldSegDataset rank 1: 12 items, 0 opened",
    ):
        assert line in said, said
    assert said.count("refused on rank 0") == said.count("refused on rank 1") == 4, said


def test_alone_it_is_a_call():
    assert on_first_rank(lambda: [1, 2]) == [1, 2]

    def gone():
        raise MissingFileError("not here")

    with pytest.raises(MissingFileError, match="not here"):
        on_first_rank(gone)
    with pytest.raises(ZeroDivisionError):
        on_first_rank(lambda: 1 / 0)
