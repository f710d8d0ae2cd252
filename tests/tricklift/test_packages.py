"""Who may import whom: every import is held against the table in CONTRIBUTING.md."""

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())
OURS = (*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "benchmarks")
OPENMMLAB = ("mmengine", "mmcv", "mmdet", "mmseg")
TASKS = ("cls", "det", "seg")
ERRORS = "tricklift.errors"  # of the standard library alone; everybody raises them
VERSION = "tricklift.__version__"  # in a file that imports nothing


@dataclass(frozen=True)
class Rule:
    """What files may import of ours and of OpenMMLab.

    Attributes:
        allowed: Dotted names; what is below one is allowed too.
        forbidden: Names below an allowed one that are not.
    """

    allowed: tuple[str, ...]
    forbidden: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        return within(name, self.allowed) and not within(name, self.forbidden)


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def read_rule(cell: str) -> Rule:
    """A cell of the table's last column.

    Raises:
        ValueError: It has words that mean nothing here.
    """
    names = tuple(re.findall(r"`([\w.]+)`", cell))
    words = re.sub(r"`[\w.]+`|,", " ", cell).split()
    if words == ["nothing"] and not names:
        return Rule(())
    if words == ["everything"] and not names:
        return Rule((*OURS, *OPENMMLAB))
    if words == ["everything", "but"]:
        return Rule((*OURS, *OPENMMLAB), names)
    if words in ([], ["OpenMMLab"]) and (names or words):
        return Rule((*names, *(OPENMMLAB if words else ())))
    raise ValueError(f"not a list of names: {cell!r}")


def read_table(text: str) -> dict[str, Rule]:
    """Path -> rule; a path ends in a slash (a folder) or in ``.py``, with ``*`` for any name."""
    rules: dict[str, Rule] = {}
    rows = text.partition("| may import |")[2].partition("\n\n")[0].splitlines()[2:]
    for row in rows:
        paths, _, cell = (part.strip() for part in row.strip("| ").split("|"))
        for path in re.findall(r"`([^`]+)`", paths):
            assert path not in rules, f"two rows for {path}"
            assert path.endswith(("/", ".py")), f"neither a folder/ nor a file.py: {path}"
            rule = read_rule(cell)
            itself = (path.strip("/").replace("/", "."),) if path.endswith("/") else ()
            rules[path] = Rule((*itself, ERRORS, *rule.allowed), rule.forbidden)
    return rules


RULES = read_table((REPO / "CONTRIBUTING.md").read_text())


def row_of(file: str) -> str | None:
    """The most specific path of the table that a file falls under."""

    def covers(path: str) -> bool:
        pattern = re.escape(path).replace(r"\*", "[^/]+")
        return bool(re.fullmatch(pattern + ".*" if path.endswith("/") else pattern, file))

    return max(filter(covers, RULES), key=len, default=None)


def files_below(*folders: str) -> list[str]:
    """All Python files in folders of the repository, from there."""
    found = (file for folder in folders for file in (REPO / folder).rglob("*.py"))
    return sorted(file.relative_to(REPO).as_posix() for file in found)


def imported(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports, inside of functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            base = node.module or ""
            # `from tricklift import data` imports tricklift.data
            package = (REPO / base.replace(".", "/")).is_dir()
            names |= {f"{base}.{alias.name}" for alias in node.names} if package else {base}
    return {name for name in names if within(name, (*OURS, *OPENMMLAB))}


@pytest.mark.parametrize("path", RULES)
def test_a_row_imports_only_what_it_may(path):
    files = [file for file in files_below(path.partition("/")[0]) if row_of(file) == path]
    assert files, f"no file falls under {path}"
    for file in files:
        breaches = [name for name in imported(REPO / file) if not RULES[path].allows(name)]
        assert not breaches, f"{file} imports {breaches}; CONTRIBUTING.md allows {RULES[path]}"


def test_every_file_falls_under_a_row():
    files = files_below(*OURS, "configs", "tests")
    without = [file for file in files if row_of(file) is None]
    assert not without, f"give {without} a row in CONTRIBUTING.md"


def test_the_table_keeps_low_packages_low_and_tasks_apart():
    for task in TASKS:
        allowed = {
            other for other in (*TASKS, "tricklift.suite") if RULES[f"{task}/"].allows(other)
        }
        assert allowed == {task}
    names = ("archives", "atomic", "schema")  # of the standard library alone
    plain = tuple(f"tricklift.records.{name}" for name in names)
    for low, more in {
        "backbones/": plain,
        "tricklift/compat/": ("tricklift.records", "tricklift.paths"),  # never the other way round
        "tricklift/records/": (),
        "tricklift/data/miniworld/": (),
    }.items():
        itself = low.strip("/").replace("/", ".")
        assert set(RULES[low].allowed) <= {itself, *more, ERRORS, VERSION, *OPENMMLAB}
    below = "tricklift.records.plain_files"
    for name in (*plain, below, "tricklift.errors"):
        file = REPO / f"{name.replace('.', '/')}.py"
        assert imported(file) <= {"tricklift.errors", below}
    assert not any(RULES["backbones/"].allows(name) for name in OPENMMLAB)


def test_imports_of_all_kinds_are_seen(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("import os\ndef f():\n    from tricklift import suite\n    import det.model\n")
    assert imported(file) == {"tricklift.suite", "det.model"}


def test_the_words_of_the_table():
    assert read_rule("nothing") == Rule(())
    assert read_rule("`cls.checks`, `mmcv`") == Rule(("cls.checks", "mmcv"))
    assert read_rule("`cls`, OpenMMLab") == Rule(("cls", *OPENMMLAB))
    most = read_rule("everything but `tricklift.cli`")
    assert most.allows("tricklift.suite.plan") and most.allows("mmdet.models")
    assert not most.allows("tricklift.cli.listing")
    for cell in ("", "the tasks", "nothing but `cls`", "`cls` and more"):
        with pytest.raises(ValueError, match="not a list of names"):
            read_rule(cell)


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("backbones/resnet.py", "backbones/"),
        ("backbones/wrapper.py", "backbones/wrapper.py"),
        ("tricklift/tricks.py", "tricklift/*.py"),
        ("tricklift/train.py", "tricklift/train.py"),
        ("tricklift/compat/ops/nms.py", "tricklift/compat/"),
        ("tests/tricklift/test_tricks.py", "tests/"),
        ("tricklift/new/file.py", None),
    ],
)
def test_the_more_specific_row_counts(file, path):
    assert row_of(file) == path


def test_the_command_line_starts_without_heavy_libraries(tmp_path):
    code = (
        "import sys, tricklift, tricklift.records.atomic, tricklift.cli\n"
        "heavy = {'torch', 'mmengine', 'cv2', 'numpy', 'timm', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
