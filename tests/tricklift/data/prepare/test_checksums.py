"""The first look at a copy: compared with known checksums, or said that none was compared."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sample_checksums
from PIL import Image

from tricklift.data import prepare
from tricklift.data.prepare import SETS, checksums
from tricklift.data.prepare.checksums import Sums
from tricklift.data.prepare.sets import Expected
from tricklift.data.prepare.unpack import read_members

KNOWN = ("tiny-imagenet", "groceries", "cifar10", "bccd", "camvid")
LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def lines_of(name: str, root: Path, **options) -> str:
    """What `prepare` says."""
    lines: list[str] = []
    prepare.prepare(name, root, say=lines.append, **options)
    return "\n".join(lines)


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Puts files (path -> contents) where a small set belongs that knows them; returns its root."""
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "none"))

    def make(name: str, contents: dict[str, bytes], labels=False, exact=True) -> Path:
        place = tmp_path / "root" / name
        sha256 = {}
        for path, data in contents.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(data)
            of = checksums.of_labels(place / path) if labels else hashlib.sha256(data).hexdigest()
            sha256[path] = of
        whole = Expected(counts={"a": len(contents)}, sums=Sums(sha256, labels, exact))
        part = replace(SETS[name].parts[0], expected=whole)
        monkeypatch.setitem(prepare.SETS, name, replace(SETS[name], parts=(part,)))
        return tmp_path / "root"

    return make


def png(values: np.ndarray, path: Path, palette: bool = False) -> bytes:
    image = Image.fromarray(values)
    if palette:
        image.putpalette([7 * i % 256 for i in range(768)])
    image.save(path, "PNG", compress_level=1 if palette else 9)
    return path.read_bytes()


def test_a_copy_that_was_altered_before_the_first_look_is_refused(copy, tmp_path):
    root = copy("bccd", {"a/1": b"one", "a/2": b"two"})
    (root / "bccd/a/2").write_bytes(b"owt")  # the same count, the same size
    message = r"bccd is not whole: .*a/2 is not as published: SHA-256 [0-9a-f]{64}, not .*; remove"
    with pytest.raises(ValueError, match=message):
        prepare.prepare("bccd", root)
    assert re.match(message, prepare.missing("bccd", root) or "")
    assert not (root / ".tricklift/bccd.json").exists()
    with pytest.raises(ValueError, match=r"bccd in .*root is not whole: .*a/2 is not as published"):
        prepare.prepare("bccd", tmp_path / "other", source=root)
    (root / "bccd/a/2").rename(root / "bccd/a/3")
    with pytest.raises(ValueError, match=r"a/2 is not there; remove"):
        prepare.prepare("bccd", root)


def test_a_copy_that_has_the_known_checksums_is_said_to_once(copy):
    root = copy("bccd", {"a/1": b"one", "a/2": b"two"})
    said = lines_of("bccd", root)
    assert f"{root / 'bccd'}: 2 files have the known checksums\n" in said
    assert f"files a part kept for later looks: {root / '.tricklift/bccd.json'}" in said
    assert "checksum" not in lines_of("bccd", root)


def test_a_label_map_is_known_by_its_values_whoever_wrote_it(copy, tmp_path):
    grey, palette = png(LABELS, tmp_path / "1"), png(LABELS, tmp_path / "2", palette=True)
    assert grey != palette
    root = copy("camvid", {"a/1.png": grey}, labels=True)
    file = root / "camvid/a/1.png"
    file.write_bytes(palette)
    assert prepare.missing("camvid", root) is None
    file.write_bytes(png((LABELS + 1) % 12, tmp_path / "3"))  # the void class elsewhere
    assert "1.png does not hold the published labels: SHA-256" in (
        prepare.missing("camvid", root) or ""
    )
    png(LABELS.reshape(4, 3), file)
    assert "does not hold the published labels" in (prepare.missing("camvid", root) or "")
    file.with_name("1.png").write_bytes(grey)
    said = lines_of("camvid", root)
    assert "1 label maps have the known checksums; no checksum of its pictures was compared" in said


def test_files_that_another_encoder_may_have_written_are_counted_and_not_refused(copy):
    root = copy("cifar10", {"a/1": b"one", "a/2": b"two"}, exact=False)
    (root / "cifar10/a/2").write_bytes(b"owt")
    said = lines_of("cifar10", root)
    assert "1 of 2 files that are known have the same checksum here; the others are missing" in said
    (root / ".tricklift/cifar10.json").unlink()
    (root / "cifar10/a/2").write_bytes(b"two")
    assert "2 files have the known checksums" in lines_of("cifar10", root)


@pytest.mark.parametrize("name", ["voc", "ade20k", "imagenet", "places365"])
def test_a_first_look_without_known_checksums_says_that_none_was_compared(shrunk, name, tmp_path):
    tiny = shrunk(name)
    said = lines_of(name, tiny.root, source=tiny.archives)
    parts = len(SETS[name].parts)
    assert said.count("unpacked from archives that have the published checksums") == parts
    assert "no checksum" not in said
    (tiny.root / f".tricklift/{name}.json").unlink()  # a copy that somebody else put there
    assert lines_of(name, tiny.root).count(": no checksum was compared, for none of") == parts
    other = lines_of(name, tmp_path / "other", source=tiny.place)
    assert other.count(": no checksum was compared, for none of") == parts


def test_a_part_that_was_there_is_not_said_to_come_from_an_archive(shrunk):
    tiny = shrunk("voc")
    tiny.prepare(source=tiny.archives)
    (tiny.place / "VOC2007").rename(tiny.root / "aside")
    said = lines_of("voc", tiny.root, source=tiny.archives)
    assert f"{tiny.place / 'VOC2007'}: unpacked from archives that have" in said
    assert f"{tiny.place / 'VOC2012'}: no checksum was compared" in said


@pytest.mark.parametrize("name", SETS)
def test_the_sets_with_known_checksums(name):
    (*_, part) = SETS[name].parts
    if name not in KNOWN:
        assert part.expected.sums is None
        return
    assert part.expected.sums is not None
    sha256 = part.expected.sums.sha256
    assert len(sha256) == sample_checksums.SAMPLED
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in sha256.values())
    tops = sample_checksums.FOLDERS[name]
    assert {next(top for top in tops if path.startswith(f"{top}/")) for path in sha256} == {*tops}


@pytest.mark.parametrize("name", KNOWN)
def test_the_real_archives_have_the_known_checksums(shared_data, tmp_path, name):
    part, top = SETS[name].parts[0], SETS[name].folder
    sums = part.expected.sums
    assert sums is not None
    archive = shared_data / (part.pack or part.archives[0])
    found = read_members(archive, [f"{top}/{p}" for p in sums.sha256])
    for path, data in found.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert checksums.differences(sums, tmp_path / top) == []


def test_sampling_writes_the_sums_of_what_is_there(copy, monkeypatch, tmp_path):
    root = copy("bccd", {f"a/{i}": bytes([i]) for i in range(24)})
    monkeypatch.setattr(sample_checksums, "FOLDERS", {"bccd": ("a",)})
    monkeypatch.setattr(checksums, "FILE", tmp_path / "checksums.json")
    (root / "bccd/a/0").write_bytes(b"new")  # no longer what was known
    sample_checksums.main(root)
    written = json.loads(checksums.FILE.read_text())["sets"]["bccd"]
    assert len(written) == sample_checksums.SAMPLED
    assert written["a/0"] == hashlib.sha256(b"new").hexdigest()
    (root / "bccd/a/1").unlink()
    with pytest.raises(ValueError, match=r"bccd is not whole: .*a holds 23 files, not 24"):
        sample_checksums.main(root)
