"""Where a member of an archive goes, and which class a validation picture belongs to.

A target function takes the name of a member and the labels (stem of a picture -> class folder);
it returns a path below the part's folder, or None for a member that is not wanted, or raises
ValueError with what is wrong, to which the caller adds archive and member.
"""

import io
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from tricklift.data.prepare.unpack import read_members

IMAGENET_DEVKIT = "ILSVRC2012_devkit_t12.tar.gz"
PLACES_LISTS = "filelist_places365-standard.tar"
TINY_IMAGENET = "tiny-imagenet-200.zip"
TINY_IMAGENET_LIST = "tiny_imagenet_100.txt"
GROCERIES_LISTS = {split: f"groceries_{split}.txt" for split in ("trainval", "test")}


def below(top: str) -> Callable[[str, Mapping[str, str]], str]:
    """All members lie below the folder `top`, which is dropped."""
    tops = PurePosixPath(top).parts

    def target(member: str, labels: Mapping[str, str]) -> str:
        parts = PurePosixPath(member).parts
        if parts[: len(tops)] != tops or len(parts) == len(tops):
            raise ValueError(f"leaves the folder {top!r}")
        return str(PurePosixPath(*parts[len(tops) :]))

    return target


def by_label(member: str, labels: Mapping[str, str]) -> str:
    """A picture goes into the folder of its class."""
    path = PurePosixPath(member)
    if path.stem not in labels:
        raise ValueError("has no label in the published list")
    return f"{labels[path.stem]}/{path.name}"


def imagenet_train(member: str, labels: Mapping[str, str]) -> str:
    """`n01440764.tar` with `n01440764_10026.JPEG` -> `n01440764/n01440764_10026.JPEG`."""
    if not re.fullmatch(r"(n\d{8})/\1_[^/]+", member):
        raise ValueError("is no picture of a class")
    return member


def imagenet_labels(archives: Mapping[str, Path]) -> dict[str, str]:
    """`ILSVRC2012_val_00000001` -> `n01751748`, and so on, from the development kit.

    Its ground truth has one number a line, an ILSVRC2012_ID; `meta.mat` says which synset that is.
    """
    from scipy.io import loadmat

    names = ("data/meta.mat", "data/ILSVRC2012_validation_ground_truth.txt")
    top = "ILSVRC2012_devkit_t12"
    kit = read_members(archives[IMAGENET_DEVKIT], [f"{top}/{name}" for name in names])
    meta, truth = (kit[f"{top}/{name}"] for name in names)
    synsets = loadmat(io.BytesIO(meta), squeeze_me=True)["synsets"]
    numbers = zip(synsets["ILSVRC2012_ID"], synsets["WNID"], strict=True)
    wnids = {int(number): str(wnid) for number, wnid in numbers}
    return {
        f"ILSVRC2012_val_{i:08d}": wnids[int(number)]
        for i, number in enumerate(truth.split(), start=1)
    }


def places_train(member: str, labels: Mapping[str, str]) -> str:
    """`data_256/a/apartment_building/outdoor/1.jpg` -> `apartment_building-outdoor/1.jpg`."""
    parts = PurePosixPath(member).parts
    if len(parts) < 4 or parts[0] != "data_256":
        raise ValueError("is no picture of a class")
    return f"{'-'.join(parts[2:-1])}/{parts[-1]}"


def places_labels(archives: Mapping[str, Path]) -> dict[str, str]:
    """`Places365_val_00000001` -> its class folder, from the published lists."""
    names = ["categories_places365.txt", "places365_val.txt"]
    lists = read_members(archives[PLACES_LISTS], names)
    categories, pictures = (
        [line.split() for line in lists[name].decode().splitlines()] for name in names
    )
    # '/a/apartment_building/outdoor': the first folder is but the initial.
    folders = {number: "-".join(path.strip("/").split("/")[1:]) for path, number in categories}
    return {PurePosixPath(file).stem: folders[number] for file, number in pictures}


def list_of(name: str) -> str:
    """A list beside this file, a line for each class or picture that is used of a set."""
    return Path(__file__).with_name("lists").joinpath(name).read_text(encoding="utf-8")


@cache
def chosen(name: str) -> frozenset[str]:
    """The first word of each line of a list."""
    return frozenset(line.split()[0] for line in list_of(name).splitlines())


def tiny_imagenet(member: str, labels: Mapping[str, str]) -> str | None:
    """`tiny-imagenet-200/train/WNID/images/WNID_0.JPEG` -> `train/WNID/WNID_0.JPEG`.

    A validation picture goes into the folder of its class. Of the 200 classes, those of
    `lists/tiny_imagenet_100.txt`.
    """
    match PurePosixPath(member).parts:
        case (_, "train", wnid, "images", picture) if wnid in chosen(TINY_IMAGENET_LIST):
            return f"train/{wnid}/{picture}"
        case (_, "val", "images", picture) if labels[picture] in chosen(TINY_IMAGENET_LIST):
            return f"val/{labels[picture]}/{picture}"
    return None


def tiny_imagenet_lists() -> dict[str, str]:
    """Path -> contents of the list of classes with their names."""
    return {"classes.txt": list_of(TINY_IMAGENET_LIST)}


def tiny_imagenet_labels(archives: Mapping[str, Path]) -> dict[str, str]:
    """`val_0.JPEG` -> its class, from `val_annotations.txt`."""
    name = "tiny-imagenet-200/val/val_annotations.txt"
    text = read_members(archives[TINY_IMAGENET], [name])[name].decode()
    return {line.split("\t")[0]: line.split("\t")[1] for line in text.splitlines()}


def groceries(member: str, labels: Mapping[str, str]) -> str | None:
    """`.../dataset/images/beans/BEANS0002.png` -> `JPEGImages/BEANS0002.png`, and so on.

    Of the repository, the pictures of `lists/groceries_{trainval,test}.txt` and their boxes.
    """
    path = PurePosixPath(member)
    wanted = any(path.stem in chosen(name) for name in GROCERIES_LISTS.values())
    folders = {("images", ".png"): "JPEGImages", ("annotations", ".xml"): "Annotations"}
    if len(path.parts) < 3 or not wanted:
        return None
    place = folders.get((path.parts[-3], path.suffix))
    return f"{place}/{path.name}" if place else None


def groceries_lists() -> dict[str, str]:
    """Path -> contents of the lists of a set in VOC layout."""
    return {f"ImageSets/Main/{split}.txt": list_of(n) for split, n in GROCERIES_LISTS.items()}
