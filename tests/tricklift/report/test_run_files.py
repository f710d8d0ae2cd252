"""A run's config and log, read without running anything."""

from left_runs import left

from tricklift.report.run_files import LINES, LONGEST, config_text, difference, log_end
from tricklift.tables.records import read


def test_a_difference_names_keys_and_both_values(tiny_root, tmp_path):
    one, other = (read(left(tmp_path, tiny_root, "det", "a", i) / "result.json") for i in (0, 1))
    # `train_pipeline` says what `train_dataloader` says, and a work dir is nothing to look at
    assert difference(config_text(one), config_text(other)) == [
        ("model.backbone.width", "1", "2"),
        ("train_dataloader.dataset.pipeline.0.size", "1", "2"),
    ]
    assert difference("a = dict(b=1)", "a = dict()") == [("a.b", "1", "not set")]


def test_the_end_of_a_log(tiny_root, tmp_path):
    run = left(tmp_path, tiny_root, "det", "a", 0)
    log = run / "20260101_000000/20260101_000000.log"
    record = read(run / "result.json")
    assert log_end(record, tmp_path) == [f"line {i} <i>" for i in range(100 - LINES, 100)]
    log.write_text("x" * 1000)
    assert log_end(record, tmp_path) == [f"{'x' * LONGEST} ..."]
    log.unlink()
    assert log_end(record, tmp_path) == []
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/det_row0_seed0.log").write_text("it died\n")  # before mmengine logged
    assert log_end(record, tmp_path) == ["it died"]
