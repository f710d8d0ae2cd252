"""Variables of the environment that are set for a while."""

import os

import pytest

from tricklift.records.environment import environment


def test_all_is_as_it_was(monkeypatch):
    monkeypatch.setenv("SET_BEFORE", "one")
    monkeypatch.delenv("NOT_SET_BEFORE", raising=False)
    before = dict(os.environ)
    with pytest.raises(KeyError), environment(SET_BEFORE="two", NOT_SET_BEFORE="three"):
        assert (os.environ["SET_BEFORE"], os.environ["NOT_SET_BEFORE"]) == ("two", "three")
        raise KeyError
    assert dict(os.environ) == before
