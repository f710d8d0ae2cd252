"""The paper's numbers, against arXiv:1812.01187."""

import pytest

from tricklift import paper


def test_all_tables_are_there_with_source_and_whole_rows():
    for number in range(2, 10):
        table = paper.table(number)
        assert table["source"] == f"arXiv:1812.01187 Table {number}"
        assert table["rows"]
        for row in table["rows"]:
            assert set(row) == {"row", *table["columns"]}
        assert isinstance(table["verified"], bool)


def test_transfer_rows_join_tables_8_and_9():
    assert len(paper.transfer_rows()) == 7
    assert paper.transfer("B-standard") == {
        "top1": 76.14, "voc_map": 77.54, "pix_acc": 78.08, "miou": 37.05,
    }  # fmt: skip
    assert paper.transfer("+ cosine")["miou"] == 39.33
    assert paper.transfer("+ mixup w/ distill")["voc_map"] == 81.33


def test_tables_8_and_9_name_the_same_rows_and_top1():
    def of(number):
        return [(row["row"], row["top1"]) for row in paper.table(number)["rows"]]

    assert of(8) == of(9)


def test_the_claims_of_the_paper_hold_in_its_numbers():
    maps = [paper.transfer(row)["voc_map"] for row in paper.transfer_rows()]
    assert maps == sorted(maps)  # detection rises with every refinement
    mious = {row: paper.transfer(row)["miou"] for row in paper.transfer_rows()}
    assert max(mious, key=mious.__getitem__) == "+ cosine"  # segmentation does not


def test_unknown_table_and_row_say_what_there_is():
    with pytest.raises(KeyError, match="no table '99'; it has 2, 3"):
        paper.table("99")
    with pytest.raises(KeyError, match=r"no transfer row '\+ cosin'.*did you mean '\+ cosine'"):
        paper.transfer("+ cosin")
