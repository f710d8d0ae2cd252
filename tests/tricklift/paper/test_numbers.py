"""The paper's numbers, against arXiv:1812.01187."""

import pytest

from tricklift.errors import UserError
from tricklift.paper import numbers

TRANSFER = ("B-standard", "D-efficient", "+ cosine", "+ smooth", "+ distill w/o mixup",
            "+ mixup w/o distill", "+ mixup w/ distill")  # fmt: skip
#: Table -> its columns, and every row as the paper has it ("-": no value).
STATED = {
    2: ("top1 top5 reference_top1 reference_top5", {
        "ResNet-50":    "75.87 92.70 75.3 92.2",
        "Inception-V3": "77.32 93.43 78.8 94.4",
        "MobileNet":    "69.03 88.71 70.6 -",
    }),
    3: ("minutes_per_epoch top1 top5 baseline_minutes_per_epoch baseline_top1 baseline_top5", {
        "ResNet-50":    "4.4 76.21 92.97 13.3 75.87 92.70",
        "Inception-V3": "8   77.50 93.60 19.8 77.32 93.43",
        "MobileNet":    "3.7 71.90 90.47 6.2  69.03 88.71",
    }),
    4: ("bs256_top1 bs256_top5 bs1024_top1 bs1024_top5", {
        "linear scaling":  "75.87 92.70 75.17 92.54",
        "+ warmup":        "76.03 92.81 75.93 92.84",
        "+ zero gamma":    "76.19 93.03 76.37 92.96",
        "+ no bias decay": "76.16 92.97 76.03 92.86",
        "+ FP16":          "76.15 93.09 76.21 92.97",
    }),
    5: ("params_millions gflops top1 top5 params", {
        "ResNet-50":   "25 3.8 76.21 92.97 25557032",
        "ResNet-50-B": "25 4.1 76.66 93.28 25557032",
        "ResNet-50-C": "25 4.3 76.87 93.48 25576264",
        "ResNet-50-D": "25 4.3 77.16 93.52 25576264",
    }),
    6: ("resnet50_d_top1 resnet50_d_top5 inception_v3_top1 inception_v3_top5 mobilenet_top1 "
        "mobilenet_top5", {
        "efficient":           "77.16 93.52 77.50 93.60 71.90 90.53",
        "+ cosine":            "77.91 93.81 78.19 94.06 72.83 91.00",
        "+ label smoothing":   "78.31 94.09 78.40 94.13 72.93 91.14",
        "+ distill w/o mixup": "78.67 94.36 78.26 94.01 71.97 90.89",
        "+ mixup w/o distill": "79.15 94.58 78.77 94.39 73.28 91.30",
        "+ mixup w/ distill":  "79.29 94.63 78.34 94.16 72.51 91.02",
    }),
    7: ("val_top1 val_top5 test_top1 test_top5", {
        "efficient": "56.34 86.87 57.18 87.28",
        "best":      "56.70 87.33 57.63 87.82",
    }),
    8: ("top1 voc_map", dict(zip(TRANSFER, (
        "76.14 77.54", "77.16 78.30", "77.91 79.23", "78.34 80.71", "78.67 80.96", "79.16 81.10",
        "79.29 81.33",
    ), strict=True))),
    9: ("top1 pix_acc miou", dict(zip(TRANSFER, (
        "76.14 78.08 37.05", "77.16 78.88 38.88", "77.91 79.25 39.33", "78.34 78.64 38.75",
        "78.67 78.97 38.90", "79.16 78.47 37.99", "79.29 78.72 38.40",
    ), strict=True))),
}  # fmt: skip


@pytest.mark.parametrize("number", STATED)
def test_every_value_is_the_papers(number):
    columns, stated = STATED[number]
    rows = {
        name: [None if value == "-" else float(value) for value in values.split()]
        for name, values in stated.items()
    }
    table = numbers.table(number)
    assert table["columns"] == columns.split()
    assert [row["row"] for row in table["rows"]] == list(rows)
    for row in table["rows"]:
        assert [row[column] for column in table["columns"]] == rows[row["row"]], row["row"]


def test_all_tables_are_there_with_source_and_whole_rows():
    for number in range(2, 10):
        table = numbers.table(number)
        assert table["source"] == f"arXiv:1812.01187 Table {number}"
        assert table["rows"]
        for row in table["rows"]:
            assert set(row) == {"row", *table["columns"]}
        assert isinstance(table["verified"], bool)


def test_transfer_rows_join_tables_8_and_9():
    assert len(numbers.transfer_rows()) == 7
    assert numbers.transfer("B-standard") == {
        "top1": 76.14, "voc_map": 77.54, "pix_acc": 78.08, "miou": 37.05,
    }  # fmt: skip
    assert numbers.transfer("+ cosine")["miou"] == 39.33
    assert numbers.transfer("+ mixup w/ distill")["voc_map"] == 81.33


def test_tables_8_and_9_name_the_same_rows_and_top1():
    def of(number):
        return [(row["row"], row["top1"]) for row in numbers.table(number)["rows"]]

    assert of(8) == of(9)


def test_the_claims_of_the_paper_hold_in_its_numbers():
    maps = [numbers.transfer(row)["voc_map"] for row in numbers.transfer_rows()]
    assert maps == sorted(maps)  # detection rises with every refinement
    mious = {row: numbers.transfer(row)["miou"] for row in numbers.transfer_rows()}
    assert max(mious, key=mious.__getitem__) == "+ cosine"  # segmentation does not


def test_unknown_table_and_row_say_what_there_is():
    with pytest.raises(UserError, match="no table '99'; it has 2, 3"):
        numbers.table("99")
    with pytest.raises(UserError, match=r"no transfer row '\+ cosin'.*did you mean '\+ cosine'"):
        numbers.transfer("+ cosin")
