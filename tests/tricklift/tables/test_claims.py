"""Claims: read from a file, and judged by a difference."""

import pytest

from tricklift.errors import UserError
from tricklift.tables.claims import Claim, judge, read_claims
from tricklift.tables.differences import Difference


def test_claims_are_read(tmp_path):
    file = tmp_path / "claims.yaml"
    file.write_text(
        "name: small\nclaims:\n"
        "  - {row: + cosine, against: D-efficient, metric: top1, sign: '+', words: it lifts}\n"
        "  - {row: + smooth, against: + cosine, metric: mIoU, sign: '-'}\n"
        "  - {row: a, against: b, metric: voc_map, sign: 0, within: 0.5}\n"
    )
    assert read_claims(file) == [
        Claim("+ cosine", "D-efficient", "top1", "+", "it lifts"),
        Claim("+ smooth", "+ cosine", "miou", "-"),
        Claim("a", "b", "voc_map", "0", within=0.5),
    ]
    assert [claim.text for claim in read_claims(file)] == [
        "it lifts", "+ smooth is worse than + cosine in mIoU", "a is as good as b in mAP",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claims: [", "not readable as YAML"),
        ("rows: []", "has no list 'claims'; add one"),
        ("- 3", r"claim 1: takes keys \(row, against, metric, sign\), got 3"),
        ("- {row: a, agianst: b}", "unknown key 'agianst'; .*did you mean 'against'"),
        ("- {row: a, metric: top1, sign: +}", "lacks against"),
        ("- {row: a, against: b, metric: map, sign: +}", "got 'map'; did you mean 'mAP'"),
        ("- {row: a, against: b, metric: top1, sign: up}", "sign takes .* got 'up'"),
        ("- {row: a, against: b, metric: top1, sign: '0', within: 0}", "within takes .* got 0"),
    ],
)
def test_what_is_no_claim_is_refused(tmp_path, text, message):
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_claims(tmp_path / "claims.yaml")
    with pytest.raises(FileNotFoundError, match=r"no file .*gone.yaml; give a YAML file"):
        read_claims(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("sign", "within", "mean", "p", "said"),
    [
        ("+", None, 1.0, 0.01, "supported"),
        ("+", None, -1.0, 0.01, "contradicted"),
        ("-", None, -1.0, 0.01, "supported"),
        ("-", None, -1.0, 0.06, "undecided"),
        ("+", None, 1.0, None, "undecided"),
        ("0", None, 0.1, 0.9, "undecided"),  # that nothing was found is no sign that there is none
        ("0", 0.5, 0.1, 0.9, "undecided"),  # the interval reaches 0.6
        ("0", 0.7, 0.1, 0.9, "supported"),
        ("0", 0.7, 0.1, None, "undecided"),
        ("0", 0.5, 1.0, 0.01, "contradicted"),
    ],
)
def test_verdicts(sign, within, mean, p, said):
    found = Difference("a", "b", mean, mean - 0.5, mean + 0.5, p)
    assert judge(Claim("a", "b", "top1", sign, within=within), found) == said
