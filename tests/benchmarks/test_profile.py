"""The stopwatch, and a real run under it."""

import time

import pytest

from benchmarks import profile_page
from benchmarks.__main__ import main
from benchmarks.profile import PHASES, WORKERS, Stopwatch, profile

QUICK = (
    "train_dataloader.batch_size=16",
    "train_cfg.max_epochs=1",
    "train_cfg.val_interval=1",
    "model.backbone.width=0.25",
)


def test_what_is_within_a_phase_is_taken_off_it_and_validation_keeps_all():
    watch = Stopwatch()
    with watch.phase("hooks"):
        time.sleep(0.1)
        with watch.phase("checkpoints"):
            time.sleep(0.2)
        with watch.phase("validation"), watch.phase("batches"):
            time.sleep(0.1)
    assert watch.wall["hooks"] == pytest.approx(0.1, abs=0.08)
    assert watch.wall["checkpoints"] == pytest.approx(0.2, abs=0.08)
    assert watch.wall["validation"] == pytest.approx(0.1, abs=0.08)
    assert watch.wall["batches"] == 0
    assert sum(watch.cpu.values()) < 0.1  # asleep


def test_a_real_run_and_its_page(tiny_root, monkeypatch, repo):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))
    config = "cls/mini/resnet18_b-baseline"
    started = time.monotonic()
    found = profile(config, QUICK, tree=repo)
    passed = time.monotonic() - started
    assert sum(entry["wall"] for entry in found.values()) == pytest.approx(passed, rel=0.1)
    for phase in PHASES:
        assert found[phase]["wall"] > 0, phase
    assert found["imports"]["cpu"] > 0.5  # torch
    assert found["training"]["cpu"] > 0.02 and found["validation"]["cpu"] > 0.01
    commits = {"before": None, "now": "0123456789abcdef"}
    text = profile_page.page({config: {"before": found, "now": found}}, commits, "old")
    assert f"| phase | {config}, before | {config}, now |" in text
    assert f"| {WORKERS} | 0.0 ({found[WORKERS]['cpu']:.1f})" in text
    assert "--before old" in text
    assert "- before: commit unknown\n- now: commit 01234567\n" in text


def test_a_run_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tmp_path))
    with pytest.raises(
        RuntimeError, match=r"under the stopwatch failed: .*MissingFileError: no folder"
    ):
        profile("cls/mini/resnet18_b-baseline")


def test_before_must_be_a_checkout(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["profile", "--before", str(tmp_path)])
    assert "is no checkout of tricklift; give its top folder" in capsys.readouterr().err


def test_an_unknown_config_is_refused_before_anything_runs(capsys):
    with pytest.raises(SystemExit):
        main(["profile", "no/such"])
    assert "no config 'no/such'" in capsys.readouterr().err
