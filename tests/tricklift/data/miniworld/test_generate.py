"""Generating: determinism, reuse, and trees that are not whole."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tricklift.data.miniworld import Manifest, MiniWorldSizes, generate, verify
from tricklift.errors import UserError

TINY = MiniWorldSizes(
    cls_train=12, cls_val=12, det_trainval=24, det_test=12, seg_train=12, seg_val=12
)


def _bytes(root: Path) -> dict[str, bytes]:
    skip = ("manifest.json", ".miniworld")
    files = (path for path in root.rglob("*") if path.is_file() and path.name not in skip)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    one = generate(tmp_path / "one", sizes=TINY, workers=1)
    three = generate(tmp_path / "three", sizes=TINY, workers=3)
    assert _bytes(one.root) == _bytes(three.root)
    assert one.files_sha256 == three.files_sha256


def test_same_bytes_in_another_process(tmp_path: Path) -> None:
    # Another interpreter has other hash seeds, another heap and no earlier pictures behind it.
    program = (
        "import sys; from tricklift.data.miniworld import *; "
        "generate(sys.argv[1], seed=3, workers=1, sizes=MiniWorldSizes(12, 12, 24, 12, 12, 12))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "again")], check=True)
    here = generate(tmp_path / "here", seed=3, sizes=TINY, workers=1)
    assert verify(tmp_path / "again").files_sha256 == here.files_sha256


def test_pictures_do_not_depend_on_the_sizes(tmp_path: Path) -> None:
    larger = MiniWorldSizes(24, 12, 24, 12, 12, 12)
    small = _bytes(generate(tmp_path / "a", sizes=TINY, workers=1).root)
    large = _bytes(generate(tmp_path / "b", sizes=larger, workers=1).root)
    assert len(large) == len(small) + 12
    assert all(large[name] == data for name, data in small.items())


def test_another_seed_gives_other_pictures(tmp_path: Path) -> None:
    zero = _bytes(generate(tmp_path / "zero", seed=0, sizes=TINY, workers=1).root)
    one = _bytes(generate(tmp_path / "one", seed=1, sizes=TINY, workers=1).root)
    assert zero.keys() == one.keys()
    pictures = [name for name in zero if name.endswith((".jpg", ".png"))]
    assert all(zero[name] != one[name] for name in pictures)


def test_no_two_pictures_are_equal(small_world: Manifest) -> None:
    pictures = [data for name, data in _bytes(small_world.root).items() if name.endswith(".jpg")]
    assert len(set(pictures)) == len(pictures) == 48 + 24 + 96 + 48 + 60 + 24


def test_complete_tree_is_reused_at_once(
    small_world: Manifest, small_sizes: MiniWorldSizes
) -> None:
    calls: list[tuple[int, int]] = []
    start = time.perf_counter()
    again = generate(
        small_world.root, seed=3, sizes=small_sizes, progress=lambda *args: calls.append(args)
    )
    assert time.perf_counter() - start < 0.5  # drawing takes seconds
    assert again.reused and not small_world.reused
    assert not calls
    assert again.files_sha256 == small_world.files_sha256


def test_progress_rises_to_the_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    sizes = MiniWorldSizes(200, 12, 24, 12, 12, 12)
    generate(tmp_path / "w", sizes=sizes, workers=2, progress=lambda *args: calls.append(args))
    assert calls[-1] == (272, 272)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert len(calls) == 4 + 5  # 200 pictures are 4 jobs of at most 64, the others one each


def test_manifest_counts_what_is_there(small_world: Manifest) -> None:
    record = json.loads((small_world.root / "manifest.json").read_text())
    assert record["name"] == "MiniWorld"
    assert record["seed"] == 3
    assert record["sizes"]["det_test"] == 48
    assert record["files"] == len(_bytes(small_world.root))
    objects = sum(
        path.read_text().count("<object>")
        for path in (small_world.root / "VOCdevkit/VOC2007/Annotations").glob("0*.xml")
    )
    assert record["counts"]["voc/trainval objects"] == objects > 96
    assert verify(small_world.root).seed == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, r"seed 0 instead of 1; .*overwrite=True"),
        ({"sizes": MiniWorldSizes(24, 12, 24, 12, 12, 12)}, "cls_train 12 instead of 24"),
    ],
)
def test_other_parameters_in_the_same_folder(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    wanted = {"seed": 0, "sizes": TINY, "workers": 1}
    root = generate(tmp_path / "w", **wanted).root  # type: ignore[arg-type]
    before = _bytes(root)
    with pytest.raises(ValueError, match=message):
        generate(root, **wanted | change)  # type: ignore[arg-type]
    assert _bytes(root) == before
    replaced = generate(root, **wanted | change, overwrite=True)  # type: ignore[arg-type]
    assert not replaced.reused
    assert _bytes(root) != before
    assert verify(root).files_sha256 == replaced.files_sha256


def test_another_version_is_other_parameters(tmp_path: Path) -> None:
    root = generate(tmp_path / "w", sizes=TINY, workers=1).root
    record = json.loads((root / "manifest.json").read_text())
    record["version"] = 0
    (root / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="version 0 instead of"):
        generate(root, sizes=TINY, workers=1)


def _delete_manifest(root: Path) -> None:
    (root / "manifest.json").unlink()


def _cut_manifest(root: Path) -> None:
    text = (root / "manifest.json").read_text()
    (root / "manifest.json").write_text(text[: len(text) // 2])


def _delete_a_picture(root: Path) -> None:
    next((root / "ade/images/validation").glob("*.jpg")).unlink()


@pytest.mark.parametrize("damage", [_delete_manifest, _cut_manifest, _delete_a_picture])
def test_an_incomplete_tree_is_generated_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    whole = generate(tmp_path / "w", sizes=TINY, workers=1)
    damage(whole.root)
    again = generate(whole.root, sizes=TINY, workers=1)
    assert not again.reused
    assert verify(whole.root).files_sha256 == whole.files_sha256


def test_a_killed_generation_leaves_nothing_that_counts(tmp_path: Path) -> None:
    program = (
        "import os, sys; from tricklift.data.miniworld import generate\n"
        "generate(sys.argv[1], workers=1, progress=lambda done, total: os._exit(9))"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "w")], check=False)
    assert killed.returncode == 9
    assert (tmp_path / ".w.partial" / "imagenet").is_dir()  # it was in the middle
    with pytest.raises(FileNotFoundError, match=r"no complete MiniWorld"):
        verify(tmp_path / "w")
    made = generate(tmp_path / "w", sizes=TINY, workers=1)
    assert not made.reused
    assert sorted(path.name for path in tmp_path.iterdir()) == [".w.lock", "w"]
    assert len(_bytes(made.root)) == made.files


def test_an_interrupted_generation_cleans_up(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for workers in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            generate(tmp_path / "w", sizes=TINY, workers=workers, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == [".w.lock"]


def test_two_generators_at_once_make_one_world(tmp_path: Path) -> None:
    program = (
        "import sys; from tricklift.data.miniworld import *; "
        "m = generate(sys.argv[1], workers=1, sizes=MiniWorldSizes(12, 12, 24, 12, 12, 12)); "
        "print(m.reused)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "w")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert answers == ["False", "True"]
    verify(tmp_path / "w")


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_others_are_left_alone(tmp_path: Path, overwrite: bool) -> None:
    photo = tmp_path / "data" / "imagenet" / "train" / "tench" / "photo.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"mine")
    with pytest.raises(UserError, match="MiniWorld did not write; give a new or empty"):
        generate(tmp_path / "data", sizes=TINY, workers=1, overwrite=overwrite)
    assert photo.read_bytes() == b"mine"


def test_root_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("")
    with pytest.raises(UserError, match="is a file; MiniWorld needs a folder"):
        generate(tmp_path / "w", sizes=TINY)


def test_empty_folder_and_link_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    made = generate(tmp_path / "link", sizes=TINY, workers=1)
    assert made.root == tmp_path / "real"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link" / "manifest.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_reused(tmp_path: Path) -> None:
    made = generate(tmp_path / "w", sizes=TINY, workers=1)
    (tmp_path / ".w.lock").unlink()
    tmp_path.chmod(0o555)
    try:
        assert generate(made.root, sizes=TINY).reused
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"workers": 0}])
def test_numbers_out_of_range(tmp_path: Path, arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="seed must be 0 or more and workers 1 or more, not"):
        generate(tmp_path / "w", sizes=TINY, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"cls_val": 11}, "cls_val is 11; it must be a whole number from 12"),
        ({"det_trainval": 23}, "det_trainval is 23; .* from 24"),
        ({"seg_train": 10**6}, "seg_train is 1000000; .* to 99999"),
        ({"det_test": 40.5}, "det_test is 40.5; it must be a whole number"),
    ],
)
def test_sizes_out_of_range(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MiniWorldSizes(**sizes)


def test_verify_sees_a_changed_and_an_added_file(tmp_path: Path) -> None:
    root = generate(tmp_path / "w", sizes=TINY, workers=1).root
    mask = next((root / "ade/annotations/training").glob("*.png"))
    data = mask.read_bytes()
    mask.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"files in .* have changed"):
        verify(root)
    mask.write_bytes(data)
    verify(root)
    (root / "ade" / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"has \d+ files, its manifest says \d+"):
        verify(root)
