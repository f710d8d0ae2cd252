"""The generated set: made once, and checked where it is there already."""

from functools import partial

import pytest

from tricklift.data import miniworld, prepare


def test_one_that_is_there_is_checked(tmp_path, monkeypatch):
    sizes = miniworld.MiniWorldSizes(24, 24, 24, 12, 12, 12)
    monkeypatch.setattr(miniworld, "generate", partial(miniworld.generate, sizes=sizes))
    lines: list[str] = []
    place = prepare.prepare("miniworld", tmp_path, say=lines.append)
    assert not lines
    assert prepare.prepare("miniworld", tmp_path, say=lines.append) == place
    assert lines == [f"checking {place}"]
    picture = next((place / "imagenet").rglob("*.jpg"), None) or next(place.rglob("*.JPEG"))
    picture.write_bytes(picture.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"files in .* have changed; delete the folder and gen"):
        prepare.prepare("miniworld", tmp_path)
    picture.unlink()
    assert prepare.prepare("miniworld", tmp_path) == place  # made again
    assert prepare.missing("miniworld", tmp_path) is None
