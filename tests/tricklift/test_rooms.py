"""Who may import whom: lower rooms know nothing of higher ones, tasks nothing of each other."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

OURS = ("backbones", "cls", "det", "seg", "tricklift")
OPENMMLAB = ("mmengine", "mmcv", "mmdet", "mmseg")
GROUND = "tricklift.ground"
ATOMIC = "tricklift.ground.atomic"  # of the standard library alone
CLASSES = "tricklift.miniworld.vocabulary"  # part of the ground: names of the classes
CONFIGS = ("tricklift.configs", "tricklift.config_keys", "tricklift.errors")
#: Room -> prefixes of what it may import of ours and of OpenMMLab.
ALLOWED = {
    "backbones": ("backbones", ATOMIC),
    "backbones/wrapper.py": ("backbones", "mmengine"),
    "cls": ("cls", "backbones", GROUND, "mmengine", "mmcv"),
    "det": ("det", "backbones", GROUND, CLASSES, *OPENMMLAB),
    "seg": ("seg", "backbones", GROUND, CLASSES, *OPENMMLAB),
    "tricklift/ground": (GROUND, *OPENMMLAB),
    "tricklift/miniworld": ("tricklift.miniworld",),
    "tricklift/prepare": ("tricklift.prepare", "tricklift.miniworld", GROUND, "tricklift.errors"),
    "tricklift/paper": ("tricklift.paper", *CONFIGS, "mmengine"),
    "tricklift/tables": ("tricklift.tables", "tricklift.paper", *CONFIGS, GROUND, "backbones"),
    "tricklift/fidelity": (
        "tricklift.fidelity",
        "tricklift.tables.text",
        "tricklift.paper",
        *CONFIGS,
        *("backbones", "cls", "det", "seg", *OPENMMLAB),
    ),
    "tricklift/runs": (
        "tricklift.runs",
        "tricklift.tables",
        "tricklift.prepare",
        "backbones",
        *CONFIGS,
        *("tricklift.tricks", "tricklift.train", GROUND, "mmengine"),
    ),
}


def imported(file: Path) -> set[str]:
    """Dotted names of all modules that a file imports, inside of functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            base = node.module or ""
            # `from tricklift import ground` imports tricklift.ground
            names |= {f"{base}.{alias.name}" for alias in node.names} if base in OURS else {base}
    return names


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def rule_for(path: str) -> tuple[str, ...] | None:
    best = max((room for room in ALLOWED if within(path, (room,)) or path.startswith(room + "/")),
               key=len, default=None)  # fmt: skip
    return ALLOWED[best] if best else None


@pytest.mark.parametrize("room", [room for room in ALLOWED if not room.endswith(".py")])
def test_a_room_imports_only_what_it_may(repo, room):
    files = sorted((repo / room).rglob("*.py"))
    assert files, f"no files in {room}"
    for file in files:
        path = file.relative_to(repo).as_posix()
        allowed = rule_for(path)
        assert allowed is not None
        for name in imported(file):
            if within(name, (*OURS, *OPENMMLAB)):
                assert within(name, allowed), f"{path} imports {name}; it may import {allowed}"


def test_the_rules_catch_a_breach(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from tricklift import runs\n    import det.model\n")
    assert imported(file) == {"tricklift.runs", "det.model"}
    assert not within("tricklift.runs", ALLOWED["cls"])
    assert not within("det.model", ALLOWED["cls"])
    assert rule_for("backbones/wrapper.py") == ("backbones", "mmengine")


def test_the_command_line_starts_without_heavy_libraries(tmp_path):
    code = (
        "import sys, tricklift, tricklift.ground.atomic, tricklift.cli\n"
        "heavy = {'torch', 'mmengine', 'cv2', 'numpy', 'timm', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
