"""From archives or copies to the tree that the configs expect: whole, or not there."""

import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tricklift.data import prepare
from tricklift.data.prepare import SETS
from tricklift.data.prepare.layouts import imagenet_train
from tricklift.data.prepare.published import Archive
from tricklift.data.prepare.sets import Expected

FULL = ("voc", "ade20k", "imagenet", "places365")
TREES = {
    "voc": [
        "VOC2007/Annotations/000001.xml",
        "VOC2007/ImageSets/Main/test.txt",
        "VOC2007/ImageSets/Main/trainval.txt",
        "VOC2007/JPEGImages/000002.jpg",
        "VOC2012/JPEGImages/2008_000002.jpg",
    ],
    "ade20k": [
        "annotations/training/ADE_train_00000002.png",
        "images/validation/ADE_val_00000001.jpg",
        "objectInfo150.txt",
    ],
    "imagenet": ["train/n00000001/n00000001_0.JPEG", "train/n00000002/n00000002_2.JPEG"],
    "places365": [
        "train/airfield/00000001.jpg",
        "train/apartment_building-outdoor/00000003.jpg",
        "val/airfield/Places365_val_00000002.jpg",
        "val/apartment_building-outdoor/Places365_val_00000001.jpg",
    ],
}


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def shade(path: Path) -> int:
    with Image.open(path) as image:
        return round(image.getpixel((0, 0)) / 50)


@pytest.mark.parametrize("name", FULL)
def test_archives_become_the_tree_that_the_configs_expect(shrunk, name):
    tiny = shrunk(name)
    assert (
        tiny.missing()
        == f"no data set {name!r} in {tiny.root}: "
        + str(tiny.place / SETS[name].parts[0].folder)
        + " is not there"
    )
    lines: list[str] = []
    assert tiny.prepare(source=tiny.archives, say=lines.append) == tiny.place
    assert set(TREES[name]) <= files(tiny.place)
    assert not any("MACOSX" in file or "partial" in file for file in files(tiny.root))
    assert tiny.missing() is None
    assert any(line.startswith("unpacking ") for line in lines)


def test_validation_pictures_of_imagenet_go_to_their_classes(shrunk):
    tiny = shrunk("imagenet")
    tiny.prepare(source=tiny.archives)
    # Truth 1, 2, 1, 2; the ILSVRC2012_ID is the shade of the picture.
    expected = {
        "n00000002": ({"ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000003.JPEG"}, 1),
        "n00000001": ({"ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000004.JPEG"}, 2),
    }
    for wnid, (names, number) in expected.items():
        folder = tiny.place / "val" / wnid
        assert files(folder) == names
        assert {shade(folder / name) for name in names} == {number}


@pytest.mark.parametrize(
    "member",
    ["../..evil", "n01440764/other.JPEG", "n01440764/n01440764/n01440764_1.JPEG", "n1/n1_1.JPEG"],
)
def test_a_picture_that_is_not_of_its_class_is_refused(member):
    with pytest.raises(ValueError, match="is no picture of a class"):
        imagenet_train(member, {})
    good = "n01440764/n01440764_10026.JPEG"
    assert imagenet_train(good, {}) == good


@pytest.mark.parametrize("name", FULL)
def test_what_is_there_is_checked_and_left_alone(shrunk, name):
    tiny = shrunk(name)
    tiny.prepare(source=tiny.archives)
    before = {file: (tiny.root / file).stat().st_mtime_ns for file in files(tiny.root)}
    for archive in tiny.archives.iterdir():
        archive.unlink()
    assert tiny.prepare() == tiny.place
    assert {file: (tiny.root / file).stat().st_mtime_ns for file in files(tiny.root)} == before


def test_archives_are_found_in_the_data_folder_and_beside_the_place(shrunk, monkeypatch):
    tiny = shrunk("imagenet")
    tiny.place.mkdir(parents=True)
    for i, archive in enumerate(sorted(tiny.archives.iterdir())):
        archive_dir = (tiny.place, tiny.root / "archives", tiny.archives)[i]
        archive_dir.mkdir(exist_ok=True)
        archive.rename(archive_dir / archive.name)
    monkeypatch.setenv("TRICKLIFT_DATA", str(tiny.archives))
    tiny.prepare()
    assert tiny.missing() is None


def test_imagenet_says_what_to_fetch_from_where_and_where_to_put_it(shrunk):
    tiny = shrunk("imagenet")
    with pytest.raises(FileNotFoundError) as error:
        tiny.prepare()
    text = str(error.value)
    for archive in ("img_train.tar", "img_val.tar", "devkit_t12.tar.gz"):
        assert f"ILSVRC2012_{archive}" in text
    assert "without a login (terms: non-commercial research and education): fetch " in text
    for word in ("image-net.org/challenges", str(tiny.root / "archives"), "--from"):
        assert word in text
    (tiny.archives / "ILSVRC2012_img_val.tar").unlink()
    with pytest.raises(FileNotFoundError) as error:
        tiny.prepare(source=tiny.archives)
    assert "fetch ILSVRC2012_img_val.tar (" in str(error.value)
    assert "img_train" not in str(error.value)
    assert not tiny.place.exists()


@pytest.mark.parametrize("name", ["voc", "ade20k", "places365"])
def test_a_set_is_downloaded_and_put_in_place(shrunk, server, name):
    tiny = shrunk(name, server.url)
    server.files = {file.name: file.read_bytes() for file in tiny.archives.iterdir()}
    lines: list[str] = []
    tiny.prepare(say=lines.append)
    assert tiny.missing() is None
    assert files(tiny.root / "archives") == set(server.files)
    assert sum(line.startswith(f"downloading {server.url}") for line in lines) == len(server.files)
    assert len(server.asked) == len(server.files)
    terms = f"(terms: {SETS[name].terms}; {SETS[name].page})"
    assert SETS[name].terms and sum(terms in line for line in lines) == len(server.files)


def test_without_a_network_it_says_what_to_fetch_by_hand(shrunk, server):
    tiny = shrunk("voc", server.url)
    done = "VOCtrainval_06-Nov-2007.tar"
    server.files = {done: (tiny.archives / done).read_bytes()}  # the others: 404
    with pytest.raises(ConnectionError) as error:
        tiny.prepare()
    text = str(error.value)
    assert "VOCtest_06-Nov-2007.tar: the server answers 404 Not Found. Without a network" in text
    assert f"{server.url}/VOCtrainval_11-May-2012.tar elsewhere" in text
    assert f"{server.url}/{done}" not in text  # that one has arrived
    assert str(tiny.root / "archives") in text
    for archive in tiny.archives.iterdir():
        archive.rename(tiny.root / "archives" / archive.name)
    tiny.prepare()
    assert tiny.missing() is None


def test_an_archive_that_is_not_the_published_one_is_refused(shrunk):
    tiny = shrunk("voc")
    archive = tiny.archives / "VOCtest_06-Nov-2007.tar"
    data = bytearray(archive.read_bytes())
    data[600] ^= 1
    archive.write_bytes(data)
    with pytest.raises(ValueError, match=r"VOCtest.*not the published .* its MD5 is "):
        tiny.prepare(source=tiny.archives)
    archive.write_bytes(data[:-1])
    with pytest.raises(ValueError, match=r"VOCtest.*not the published .* it has [\d,]+ bytes, not"):
        tiny.prepare(source=tiny.archives)
    assert not tiny.place.exists()


def test_too_little_space_is_found_before_anything_is_fetched(shrunk, server, monkeypatch):
    tiny = shrunk("ade20k", server.url)
    known = prepare.SETS["ade20k"]
    huge = Archive("ADEChallengeData2016.zip", 10**18, "md5:0", f"{server.url}/x.zip")
    monkeypatch.setitem(prepare.SETS, "ade20k", replace(known, archives=lambda: (huge,)))
    with pytest.raises(ValueError, match=r"ade20k needs 2\.0 EB, and .* free .*another --root"):
        tiny.prepare()
    assert server.asked == []


def test_a_part_that_is_there_stays_and_the_other_is_added(shrunk):
    tiny = shrunk("voc")
    tiny.prepare(source=tiny.archives)
    kept = (tiny.place / "VOC2012").stat().st_ino
    for file in sorted((tiny.place / "VOC2007").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    (tiny.archives / "VOCtrainval_11-May-2012.tar").unlink()  # not needed
    tiny.prepare(source=tiny.archives)
    assert tiny.missing() is None
    assert (tiny.place / "VOC2012").stat().st_ino == kept


def test_a_broken_part_is_found_before_the_other_is_fetched(shrunk):
    tiny = shrunk("voc")
    (tiny.place / "VOC2012" / "JPEGImages").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"JPEGImages holds 0 files, not 2; remove .*VOC2012 and"):
        tiny.prepare(source=tiny.archives)
    assert not (tiny.place / "VOC2007").exists()


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("below", [".", "parent", "grandparent"])
def test_an_unpacked_copy_is_linked_to(shrunk, name, below, tmp_path):
    tiny = shrunk(name)
    copy = tiny.prepare(source=tiny.archives)
    given = {".": copy, "parent": copy.parent, "grandparent": tiny.root}[below]
    other = tmp_path / "other"
    lines: list[str] = []
    place = prepare.prepare(name, other, source=given, say=lines.append)
    links = [place / part.folder for part in SETS[name].parts]
    assert all(link.is_symlink() for link in links)
    for part in SETS[name].parts:
        assert files(place / part.folder) == files(copy / part.folder)
    assert prepare.missing(name, other) is None
    assert any(line.startswith("linked ") for line in lines)
    assert prepare.prepare(name, other) == place


def test_a_bad_copy_is_not_linked_to(shrunk, tmp_path):
    tiny = shrunk("imagenet")
    copy = tiny.prepare(source=tiny.archives)
    (copy / "train/n00000001/n00000001_0.JPEG").unlink()
    with pytest.raises(ValueError, match=r"imagenet in .* not whole: .*train holds 5 files, not 6"):
        prepare.prepare("imagenet", tmp_path / "other", source=copy)
    assert not (tmp_path / "other/imagenet").exists()


@pytest.fixture
def samples(tmp_path, monkeypatch):
    """The folder of photographs, and its archive in another folder: the set has no parts."""
    known = SETS["imagenet-samples"]
    part = replace(known.parts[0], expected=Expected(counts={"": 3}))
    monkeypatch.setitem(prepare.SETS, "imagenet-samples", replace(known, parts=(part,)))
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "data"))
    copy, archive_dir = tmp_path / "copies/imagenet-samples", tmp_path / "archive_dir"
    copy.mkdir(parents=True)
    archive_dir.mkdir()
    for name in ("a.JPEG", "b.JPEG", "c.JPEG"):
        Image.new("L", (8, 8)).save(copy / name)
    with tarfile.open(archive_dir / "imagenet-samples.tar.gz", "w:gz") as tar:
        tar.add(copy, "imagenet-samples")
    return copy, archive_dir


@pytest.mark.parametrize("given", ["the copy", "its parent", "the archive", "with other pictures"])
def test_a_set_that_is_one_folder_is_found(samples, tmp_path, given):
    copy, archive_dir = samples
    if given == "with other pictures":
        Image.new("L", (8, 8)).save(archive_dir / "holiday.jpg")
    source = {"the copy": copy, "its parent": copy.parent}.get(given, archive_dir)
    place = prepare.prepare("imagenet-samples", tmp_path / "root", source=source)
    assert files(place) == {"a.JPEG", "b.JPEG", "c.JPEG"}
    assert place.is_symlink() == (source != archive_dir)
    if place.is_symlink():
        assert place.resolve() == copy.resolve()


def test_a_set_that_is_one_folder_is_not_whole_or_not_there(samples, tmp_path):
    copy, archive_dir = samples
    (copy / "c.JPEG").unlink()
    for source in (copy, copy.parent):
        with pytest.raises(ValueError, match=r"imagenet-samples in .* holds 2 files, not 3"):
            prepare.prepare("imagenet-samples", tmp_path / "root", source=source)
    (archive_dir / "imagenet-samples.tar.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"nothing of imagenet-samples in .*: neither"):
        prepare.prepare("imagenet-samples", tmp_path / "root", source=archive_dir)


def test_a_folder_with_nothing_of_the_set(shrunk, tmp_path):
    tiny = shrunk("voc")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match=r"nothing of voc in .*empty: neither .*VOC2007"):
        tiny.prepare(source=empty)
    with pytest.raises(FileNotFoundError, match=r"no folder .*gone; --from takes"):
        tiny.prepare(source=tmp_path / "gone")
    with pytest.raises(ValueError, match=r"miniworld is generated, .* leave out --from"):
        prepare.prepare("miniworld", tiny.root, source=empty)


def test_a_link_to_nowhere_is_named(shrunk):
    tiny = shrunk("voc")
    tiny.place.mkdir(parents=True)
    (tiny.place / "VOC2007").symlink_to("gone")
    with pytest.raises(ValueError, match=r"VOC2007 is a link to gone, which is gone; remove it"):
        tiny.prepare(source=tiny.archives)


@pytest.mark.parametrize("name", FULL)
def test_an_interrupted_unpacking_leaves_nothing_that_counts(shrunk, name):
    tiny = shrunk(name)
    lines: list[str] = []

    def stop(done: int, total: int) -> None:
        if lines[-1].startswith("unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.prepare(source=tiny.archives, progress=stop, say=lines.append)
    assert "is not there" in (tiny.missing() or "")
    assert files(tiny.root) == {f".tricklift/{name}.lock"}
    tiny.prepare(source=tiny.archives)
    assert tiny.missing() is None


def test_what_a_killed_process_left_is_cleared_away(shrunk):
    tiny = shrunk("voc")
    left = tiny.place / ".VOC2007.partial" / "JPEGImages"
    left.mkdir(parents=True)
    (left / "000099.jpg").write_bytes(b"half")
    tiny.prepare(source=tiny.archives)
    assert sorted(path.name for path in tiny.place.iterdir()) == ["VOC2007", "VOC2012"]
    assert not (tiny.place / "VOC2007/JPEGImages/000099.jpg").exists()


def test_two_at_once_do_not_get_in_each_others_way(shrunk):
    tiny = shrunk("voc")
    hold = (
        "import sys; from pathlib import Path; from tricklift.records import lock;"
        "lock.take(Path(sys.argv[1])); print('taken', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(tiny.root / ".tricklift/voc.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"taken\n"
        message = rf"another process \({other.pid} on .+\) prepares voc in .*; wait for it"
        with pytest.raises(ValueError, match=message):
            tiny.prepare(source=tiny.archives)
    tiny.prepare(source=tiny.archives)
