"""The model card names configs, and no folder of whoever wrote it."""

import pytest

from tricklift.sharing.card import _named


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("configs/seg/mini/fcn.py", "seg/mini/fcn"),
        ("/elsewhere/clone/configs/seg/mini/fcn.py", "seg/mini/fcn"),
        ("/home/me/client/exp7.py", "exp7"),
        ("/home/me/configs/client/exp7.py", "exp7"),
        ("own.py", "own"),
    ],
)
def test_names_of_configs(config, name):
    assert _named(config) == name
