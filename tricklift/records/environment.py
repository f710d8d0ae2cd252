"""Variables of the environment that are set for a while: configs and child processes read them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Folders that configs and commands read, each with a default.
FOLDERS = ("TRICKLIFT_ROOT", "TRICKLIFT_EXPORTS", "TRICKLIFT_DATA")


def forget_empty() -> None:
    """Makes a folder that is set to nothing one that is not set, for all that read it."""
    for name in FOLDERS:
        if not os.environ.get(name, name):
            del os.environ[name]


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Sets variables, and puts them back as they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
