"""One clear line for what a user can cause; everything else stays a traceback."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from tricklift.errors import (
    JobFailed,
    UserError,
    did_you_mean,
    one_line,
    report_user_errors,
    stoppable,
)


class Unreadable(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise UserError("x.jpg cannot be read; fetch it again")


def test_user_errors_end_with_one_line_and_code_2(capsys):
    with pytest.raises(SystemExit) as end, report_user_errors():
        raise UserError("unknown\nrow 'x'")
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: unknown row 'x'\n"


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("TRICKLIFT_DEBUG", "1")
    with pytest.raises(ValueError, match="bad"), report_user_errors():
        raise UserError("bad")


def test_our_own_bugs_are_not_hidden():
    with pytest.raises(ZeroDivisionError), report_user_errors():
        _ = 1 / 0


def test_what_a_data_worker_said_comes_through():
    loader = DataLoader(Unreadable(), num_workers=1)
    with pytest.raises(ValueError, match="Original Traceback") as caught:
        next(iter(loader))
    assert one_line(caught.value) == "x.jpg cannot be read; fetch it again"
    assert torch.utils.data.get_worker_info() is None


@pytest.mark.parametrize(("code", "expected"), [(2, 2), (130, 130), (1, 1), (-9, 1)])
def test_a_failed_job_hands_its_code_on(code, expected, capsys):
    with pytest.raises(SystemExit) as end, report_user_errors():
        raise JobFailed("job x failed: y", code)
    assert end.value.code == expected
    assert "job x failed: y" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("inner", "said"), [(nullcontext(), "stopped\n"), (stoppable("go on"), "stopped; go on\n")]
)
def test_ctrl_c_says_what_the_innermost_knows(inner, said, capsys):
    with pytest.raises(SystemExit) as end, report_user_errors(), inner:
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == said


def test_did_you_mean():
    assert did_you_mean("mixpu", ["ema", "mixup"]) == "; did you mean 'mixup'?"
    assert did_you_mean("zzz", ["ema", "mixup"]) == ""
