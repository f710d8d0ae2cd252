"""`tricklift prepare`: what it teaches, prints, and how it ends."""

import socket

import pytest

from tricklift.cli import main
from tricklift.prepare import NAMES


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
