"""What is known of the sets: their archives as torchvision has them, their places as configs do."""

import re

import pytest

from tricklift.data.prepare import NAMES, SETS


@pytest.mark.parametrize("name", [name for name in SETS if name != "imagenet-samples"])
def test_a_set_goes_where_a_config_looks(repo, name):
    line = f'data_root = "{{{{$TRICKLIFT_ROOT:data}}}}/{SETS[name].folder}"\n'
    configs = (repo / "configs").rglob("*.py")
    assert any(line in file.read_text() for file in configs)


def test_the_samples_go_where_the_bench_looks():
    from benchmarks.inputs import SAMPLES

    assert SETS[SAMPLES].folder == SAMPLES


@pytest.mark.parametrize("name", SETS)
def test_every_archive_that_a_part_needs_is_published(name):
    archives = {archive.name: archive for archive in SETS[name].archives()}
    parts = SETS[name].parts
    needed = {n for part in parts for n in (*part.archives, *part.label_archives)}
    packs = {part.pack for part in parts if part.pack}
    assert needed | packs == set(archives)
    assert SETS[name].page.startswith("http")
    if SETS[name].layout:
        return  # nobody publishes archives of this layout
    if name == "groceries":
        return  # a repository, packed anew at each download
    digits = {"md5": 32, "sha256": 64}
    for archive in (archives[each] for each in needed):
        kind, _, value = archive.checksum.partition(":")
        assert re.fullmatch(rf"[0-9a-f]{{{digits[kind]}}}", value)
        assert (archive.url is None) == (name == "imagenet")
        assert archive.url is None or archive.url.endswith(f"/{archive.name}")


def test_known_values():
    """MD5 sums as torchvision 0.29 prints them (datasets/voc.py, imagenet.py, places365.py).

    Tiny ImageNet's as avalanche-lib has it (datasets/tiny_imagenet).
    """
    known = {a.name: a.checksum for name in NAMES[1:] for a in SETS[name].archives()}
    assert known["tiny-imagenet-200.zip"] == "md5:90528d7ca1a48142e341f4ef8d21d0de"
    assert known["VOCtest_06-Nov-2007.tar"] == "md5:b6e924de25625d8de591ea690078ad9f"
    assert known["VOCtrainval_11-May-2012.tar"] == "md5:6cd6e144f989b92b3379bac3b3de84fd"
    assert known["ILSVRC2012_img_val.tar"] == "md5:29b22e2961454d5413ddabcf34fc5622"
    assert known["train_256_places365standard.tar"] == "md5:53ca1c756c3d1e7809517cc47c5561c5"
    assert known["filelist_places365-standard.tar"] == "md5:35a0585fee1fa656440f3ab298f8479c"
