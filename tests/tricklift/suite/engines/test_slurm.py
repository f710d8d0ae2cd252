"""What the Slurm engine refuses without a Slurm; tests/slurm has one."""

import sys

import pytest

from tricklift.errors import UserError
from tricklift.suite.engines.slurm import Slurm


def test_submitit_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"needs submitit.*pip install submitit"):
        Slurm().check()
