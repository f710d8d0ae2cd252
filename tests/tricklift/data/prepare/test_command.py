"""`tricklift prepare`: what it teaches, prints, and how it ends."""

import json
import socket
from functools import partial

import pytest

from tricklift.cli import main
from tricklift.data import miniworld
from tricklift.data.prepare import NAMES


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `tricklift prepare`."""
    with pytest.raises(SystemExit) as end:
        main(["prepare", *arguments])
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_help_names_every_set_and_every_place(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for word in (*NAMES, "--from", "TRICKLIFT_DATA", "ROOT/archives", "ROOT/.tricklift"):
        assert word in out


def test_each_step_is_said_and_the_place_printed(shrunk, capsys):
    tiny = shrunk("imagenet")
    arguments = ["imagenet", "--root", str(tiny.root), "--from", str(tiny.archives)]
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (0, f"ready: {tiny.place}\n")
    assert f"unpacking {tiny.archives / 'ILSVRC2012_img_train.tar'}\n" in err


def test_a_miniworld_that_is_there_is_found_and_its_place_printed(capsys, tiny_root, monkeypatch):
    place = tiny_root / "miniworld"
    manifest = place / "manifest.json"
    sizes = miniworld.MiniWorldSizes(**json.loads(manifest.read_text())["sizes"])
    monkeypatch.setattr(miniworld, "generate", partial(miniworld.generate, sizes=sizes))
    written = manifest.stat().st_mtime_ns
    code, out, _ = run(capsys, "miniworld", "--root", str(tiny_root))
    assert (code, out) == (0, f"ready: {place}\n")
    assert manifest.stat().st_mtime_ns == written


def test_a_miniworld_of_other_sizes_is_refused(capsys, tiny_root):
    code, out, err = run(capsys, "miniworld", "--root", str(tiny_root))
    assert (code, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"error: {tiny_root / 'miniworld'} holds a MiniWorld with ")
    assert "cls_train 64 instead of 6000" in last
    assert "remove it, give another folder, or replace it" in last


def test_a_machine_without_network_gets_one_clear_line(shrunk, capsys, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as port:  # bound and not listening: whoever calls is turned away
        port.bind(("127.0.0.1", 0))
        tiny = shrunk("ade20k", f"http://127.0.0.1:{port.getsockname()[1]}")
        code, _, err = run(capsys, "ade20k", "--root", str(tiny.root))
    assert code == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: cannot reach http://127.0.0.1")
    assert "Without a network: fetch http" in last
    assert last.endswith("and run this command again")
    assert "Traceback" not in err
