"""Early stopping in real runs of mmengine's Runner on one linear layer, resumed and not."""

import pytest

import tricklift.compat.early_stopping  # noqa: F401  (registers the hook)

METRIC = "accuracy/top1"


@pytest.fixture
def run(tiny, tmp_path):
    """Trains for that many epochs at most; returns how many there were behind it at the end."""

    def train(*scores: float, most: int, patience: int = 2, resume: bool = False) -> int:
        stopping = dict(type="ResumableEarlyStopping", monitor=METRIC, strict=True)
        config = tiny.config(
            tmp_path,
            train_cfg=dict(by_epoch=True, max_epochs=most, val_interval=1),
            custom_hooks=[dict(type="ResultHook"), dict(stopping, patience=patience)],
            resume=resume,
        )
        result = tiny.train(config, *({METRIC: score} for score in scores))
        assert result["status"] == "done"
        return result["epochs"]

    return train


def test_two_validations_without_a_rise_end_a_run(run):
    assert run(50.0, 60.0, 55.0, 60.0, most=9) == 4


def test_a_resumed_run_knows_the_best_score_from_before(run):
    assert run(60.0, 50.0, most=2) == 2
    # The last checkpoint is from before the validation of epoch 2, which is made up for. A run that
    # began anew would take 50 for its best and go on to epoch 5.
    assert run(50.0, 55.0, 55.0, most=9, resume=True) == 3


def test_a_run_that_has_ended_early_ends_again(run):
    assert run(60.0, 70.0, 65.0, 65.0, most=9) == 4
    # Its checkpoint was written again with the validation of epoch 4, so it ends at once.
    for _ in range(2):
        assert run(65.0, most=9, resume=True) == 4


def test_nothing_is_trained_where_the_validations_from_before_are_enough(run):
    assert run(60.0, 55.0, 55.0, 55.0, most=4, patience=9) == 4
    assert run(55.0, most=9, resume=True) == 4  # validated once, for result.json
