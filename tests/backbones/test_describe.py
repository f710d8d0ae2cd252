import pytest
import timm
import torch

from backbones.describe import describe

# arXiv:1812.01187 Table 5, in billions. A is 3.86: the table cuts off, so it is 1.5 % away.
TABLE_5 = {"a": 3.8, "b": 4.1, "c": 4.3, "d": 4.3}


def test_macs_of_table_5() -> None:
    macs = {variant: describe(f"resnet50_{variant}")["macs"] for variant in "abcd"}
    assert macs["a"] < macs["b"] < macs["c"] <= macs["d"]
    for variant, published in TABLE_5.items():
        assert macs[variant] / 1e9 == pytest.approx(
            published, rel=0.016 if variant == "a" else 0.01
        )


def test_macs_counted_by_hand() -> None:
    """ResNet-18-B at 32 pixels: the stem's output is 16x16, the stages' 8, 4, 2 and 1."""
    stem = 16 * 16 * 64 * 3 * 49
    first = 4 * 8 * 8 * 64 * 64 * 9
    rest = 0
    for side, c in ((4, 128), (2, 256), (1, 512)):
        rest += side * side * (c * c // 2 * 9 + 3 * c * c * 9 + c * c // 2)
    assert describe("resnet18_b", input_size=32)["macs"] == stem + first + rest + 512 * 1000


def test_describe_says_all_that_the_command_line_prints() -> None:
    row = describe("resnet18_d", input_size=64, width=0.5, output_stride=8)
    assert list(row) == [
        *("name", "params", "macs", "input_size", "channels", "strides", "built_in"),
        *("paper", "source", "published_top1", "published_source"),
    ]
    assert row["channels"] == [32, 64, 128, 256]
    assert row["strides"] == [4, 8, 8, 8]
    assert row["input_size"] == 64
    assert "CVPR 2019" in row["paper"]
    assert "arXiv:1812.01187" in row["source"]


def test_parameters_are_timms() -> None:
    with torch.device("meta"):
        theirs = timm.create_model("resnet101d")
    assert describe("resnet101_d")["params"] == sum(p.numel() for p in theirs.parameters())


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="unknown backbone 'resnet18'"):
        describe("resnet18")
    with pytest.raises(ValueError, match="input_size must be at least 1 pixel, got 0"):
        describe("resnet18_b", input_size=0)
