"""What the page says of targets that are not met."""

from typing import Any

from benchmarks import report


def finding(case: str, ratio: float | None, met: bool | None = None, **others: Any) -> dict:
    spread = ratio and {"median": ratio, "min": ratio, "max": ratio}
    return {"bench": "input", "case": case, "ratio": spread, "met": met, "target": "", **others}


def test_a_missed_target_stands_with_its_own_limit():
    text = report.missed(
        [
            finding("large, jitter, against timm", 3.0, met=False, target="at least 4 x"),
            finding("large, limit: decoding, against timm", 3.6),
            finding("large, limit: decoding, against torchvision", 3.9),
            finding("small, limit: decoding, against timm", 4.6),
        ]
    )
    assert text.splitlines()[-1] == (
        "- input: large, jitter, against timm: 3.00, at least 4 x. "
        "large, limit: decoding, against timm: 3.60"
    )


def test_losses_are_shown_with_how_far_they_are_apart():
    case = "mean loss, bfloat16 against float32"
    missed = finding(case, None, False, target="within 2%", ours=1.9598, peer=2.0)
    limit = finding("limit: other samples against float32", None, ours=1.8, peer=2.0)
    assert report.missed([missed, limit]).splitlines()[-1] == (
        f"- input: {case}: 1.96 and 2, -2.01%, within 2%. "
        "limit: other samples against float32: 1.8 and 2, -10.00%"
    )


def test_nothing_is_missed():
    assert report.missed([finding("all", 2.0, met=True)]) == ""
