"""One clear line for what a user can cause; everything else stays a traceback."""

import ast
import errno
import os
import re
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


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setenv("TRICKLIFT_DEBUG", "1")
    with pytest.raises(SystemExit) as end, report_user_errors():
        raise UserError("bad")
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert "Traceback" in said and said.endswith("error: bad\n")


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("x"),
        ValueError("x"),
        KeyError("x"),
        RuntimeError("x"),
        FileNotFoundError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_library_or_a_bug_raises_keeps_its_traceback(error, capsys):
    with pytest.raises(SystemExit) as end, report_user_errors():
        raise error
    said = capsys.readouterr().err
    assert end.value.code == 1
    assert said.startswith("Traceback") and f"{type(error).__name__}: " in said
    assert "error: " not in said.splitlines() and "torch " in said.splitlines()[-1]


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EROFS, errno.ENOTDIR])
def test_what_the_system_refuses_is_a_users(code, capsys):
    with pytest.raises(SystemExit) as end, report_user_errors():
        raise OSError(code, os.strerror(code), "/x/out")
    assert end.value.code == 2
    assert re.fullmatch(
        rf"error: /x/out: {os.strerror(code)}; .*(give|free).*\n", capsys.readouterr().err
    )


def test_a_folder_that_is_a_file(tmp_path, capsys):
    (tmp_path / "out").write_text("")
    with pytest.raises(SystemExit) as end, report_user_errors():
        (tmp_path / "out" / "a").mkdir(parents=True)
    assert end.value.code == 2
    assert f"{tmp_path}/out" in capsys.readouterr().err


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
    ("inner", "said"),
    [
        (nullcontext(), "stopped\n"),
        (stoppable("go on"), "stopped; go on\n"),
        (stoppable(lambda: "so far"), "stopped; so far\n"),
    ],
)
def test_ctrl_c_says_what_the_innermost_knows(inner, said, capsys):
    with pytest.raises(SystemExit) as end, report_user_errors(), inner:
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == said


def test_did_you_mean():
    assert did_you_mean("mixpu", ["ema", "mixup"]) == "; did you mean 'mixup'?"
    assert did_you_mean("zzz", ["ema", "mixup"]) == ""
    rows = ["resnet18_b-baseline", "resnet18_d-tricks", "random-init"]
    assert did_you_mean("resnt", rows) == "; did you mean 'resnet18_b-baseline'?"
    assert did_you_mean("nope", rows) == did_you_mean("re", rows) == ""


#: Where a plain ValueError, KeyError or OSError is meant for our own code: file -> why.
PLAIN: dict[str, str] = {
    "tricklift/data/prepare/layouts.py": "unpack.py tells it with archive, member and remedy",
    "tricklift/data/prepare/unpack.py": "the same",
}


def test_what_a_user_can_cause_is_raised_as_such(repo):
    found = []
    packages = ("backbones", "benchmarks", "cls", "configs", "det", "seg", "tricklift")
    for file in (file for name in packages for file in (repo / name).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            kind = getattr(node, "exc", None) if isinstance(node, ast.Raise) else None
            name = ast.unparse(kind.func if isinstance(kind, ast.Call) else kind) if kind else ""
            plain = ("ValueError", "KeyError", "OSError", "FileNotFoundError", "IndexError")
            if name in plain and str(file.relative_to(repo)) not in PLAIN:
                found.append(f"{file}:{node.lineno}")
    assert found == []
