"""Writes the pages of reference from the code: `python docs/write`.

Each page is one module here with `PAGE`, its path below `docs`, and `text()`, its content. A page
whose module has `MARK` is written by hand but for what stands between two marks. With `--check`
nothing is written: exit code 1 where a page is not what the code says.
"""

import os
import sys
from pathlib import Path
from types import ModuleType

import commands
import data_sets
import messages
import names
import tiers
import tricks

import configs
from tricklift.records.atomic import write_text

DOCS = Path(__file__).resolve().parent.parent
PAGES: tuple[ModuleType, ...] = (commands, tricks, tiers, configs, data_sets, messages, names)


def whole(page: ModuleType) -> str:
    """A page's content, with what is written by hand around it."""
    mark = getattr(page, "MARK", None)
    if mark is None:
        return page.text()
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
    before, found, rest = (DOCS / page.PAGE).read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"docs/{page.PAGE} has no lines {begin.strip()!r} and {end!r}")
    return f"{before}{begin}{page.text()}{end}{after}"


def main() -> int:
    """Writes all pages, or says which would change."""
    check, stale = "--check" in sys.argv[1:], 0
    for page in PAGES:
        file, text = DOCS / page.PAGE, whole(page)
        same = file.is_file() and file.read_text(encoding="utf-8") == text
        if not same and not check:
            write_text(file, text)
        stale += not same
        print(f"{os.path.relpath(file)}: {'as it is' if same else 'old' if check else 'written'}")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
