"""What `tricklift new` writes, and what it refuses; `test_own_journeys` trains it."""

from pathlib import Path

import pytest

from tricklift.cli import main
from tricklift.templates import KINDS, write


@pytest.mark.parametrize("kind", KINDS)
def test_both_files_have_the_name(kind: str, tmp_path: Path):
    files = write(kind, "some_thing", tmp_path / "new")
    assert [file.name for file in files] == ["some_thing.py", "test_some_thing.py"]
    for file in files:
        text = file.read_text()
        assert "some_thing" in text and "NAME" not in text
        compile(text, str(file), "exec")
    with pytest.raises(ValueError, match=r"some_thing.py is there already; take another name"):
        write(kind, "some_thing", tmp_path / "new")


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("backbone", "my-net", "'my-net' cannot be a name; take small letters, digits and _"),
        ("backbone", "timm", "Python has a module 'timm', in whose place yours would not be found"),
        ("backbone", "resnet18_b", "'resnet18_b' is taken by a backbone of tricklift"),
        ("trick", "cosine", "'cosine' is a trick of tricklift; take another name for yours"),
    ],
)
def test_names_that_cannot_be(kind, name, message, tmp_path: Path, capsys):
    with pytest.raises(SystemExit):
        main(["new", kind, name, "--out", str(tmp_path)])
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
