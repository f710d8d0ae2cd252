"""`tricklift publish` and `compare --reference` as they are typed (docs/sharing.md)."""

import pytest

from tricklift.cli import main


def ended(capsys, *words) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code or 0, *capsys.readouterr()


def test_publish_says_what_to_do_next(shared, tmp_path, capsys):
    code, out, _ = ended(capsys, "publish", shared.export, tmp_path / "net", "--license", "mit")
    assert code == 0
    assert "resnet18_d, 1 results of detectors and segmenters" in out
    assert "backbones.build('resnet18_d', 12, " in out and "checkpoint='model.safetensors'" in out
    assert f"pip install {tmp_path / 'net'}, then mim search tricklift_net" in out
    assert "no license" not in out
    code, out, _ = ended(capsys, "publish", shared.export, tmp_path / "net")  # in its place
    assert code == 0 and "no license is given" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "mars", "me/net"], "--to takes hub USER/NAME, got 'mars'"),
        (["--to", "hub", "net"], "give USER/NAME, got 'net'"),
        (["--private"], "--private is for --to hub"),
        (["--run", "gone"], "no result.json in gone"),
    ],
)
def test_publish_refuses_before_it_works(shared, tmp_path, capsys, words, said):
    code, _, error = ended(capsys, "publish", shared.export, tmp_path / "net", *words)
    assert code == 2 and said in error and not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--reference", "none"], "no results of that tier are shipped; there are: demo"),
        (["--reference", "demo", "--by", "backbone"], "--by backbone takes no --reference"),
    ],
)
def test_compare_refuses(repo, capsys, words, said):
    code, _, error = ended(capsys, "compare", repo / "docs" / "results" / "demo", *words)
    assert code == 2 and said in error


def test_compare_beside_a_reference(repo, capsys):
    folder = repo / "docs" / "results" / "demo" / "cls" / "resnet18_b-standard"
    code, out, _ = ended(capsys, "compare", folder, "--reference", "demo")
    assert code == 0 and "| B-standard |" in out and "| random init (reference) |" in out
