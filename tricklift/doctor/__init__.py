"""What this machine and environment have, and the troubles with them that we know: `doctor`.

What takes no time comes first; what must be imported to be known (torch, OpenCV, OpenMMLab) is
asked in processes of its own, which start at once: a library that does not even import must not
end the examination.
"""

from collections.abc import Iterator
from pathlib import Path

from tricklift.doctor import datasets, environment, libraries, machine, packages, places
from tricklift.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "examine"]


def examine(root: Path, out: Path) -> Iterator[Finding]:
    """All findings, each as soon as it is known.

    Args:
        root: The folder of the data sets.
        out: Where runs are to be kept.
    """
    with libraries.ask() as asked:
        yield from machine.findings()
        yield from places.findings(root, out)
        yield from environment.findings()
        yield from packages.findings()
        yield from datasets.findings(root)
        yield from libraries.findings(asked)
