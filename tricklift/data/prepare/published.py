"""What is published about the archives of the sets: addresses, sizes, checksums.

Addresses and MD5 sums of the full-size sets are torchvision's, read from the installed library.
Sizes (bytes) are those that the servers state; they serve progress, disk space and an early look at
broken downloads.
"""

from dataclasses import dataclass
from urllib.parse import urljoin


@dataclass(frozen=True)
class Archive:
    """A file that holds data of a set.

    Attributes:
        name: File name.
        size: Bytes, where known.
        checksum: `md5:HEX` or `sha256:HEX`, where published.
        url: Where anybody may download it; None: by hand.
        nested: Its members are tar archives themselves, one a class.
        unpacked: A folder of this name, which the archive holds or which is a clone of what it was
            made from, is as good as the archive.
    """

    name: str
    size: int | None = None
    checksum: str | None = None
    url: str | None = None
    nested: bool = False
    unpacked: str = ""


def tiny_imagenet() -> tuple[Archive, ...]:
    """Tiny ImageNet of Stanford's course CS231n, and a smaller archive of 100 of its classes.

    Source: the course publishes no checksum. The MD5 is the one that Avalanche (torchvision's form
    of a data set, `avalanche/benchmarks/datasets/tiny_imagenet`) checks the official file with.
    """
    name = "tiny-imagenet-200"
    url = f"http://cs231n.stanford.edu/{name}.zip"
    md5 = "md5:90528d7ca1a48142e341f4ef8d21d0de"
    return (
        Archive(f"{name}.zip", 248_100_043, md5, url, unpacked=name),
        Archive("tiny-imagenet-100.tar.gz"),
    )


def groceries() -> tuple[Archive, ...]:
    """The repository with pictures and boxes, as GitHub packs it, and a smaller archive."""
    name = "groceries-object-detection-dataset"
    return (
        Archive(f"{name}-master.zip", unpacked=name),
        Archive("freiburg_groceries.tar.gz"),
    )


def voc() -> tuple[Archive, ...]:
    """VOC 2007 (trainval and test) and VOC 2012 (trainval)."""
    from torchvision.datasets.voc import DATASET_YEAR_DICT

    sizes = {"2007": 460_032_000, "2007-test": 451_020_800, "2012": 1_999_639_040}
    metas = {year: DATASET_YEAR_DICT[year] for year in sizes}
    return tuple(
        Archive(meta["filename"], sizes[year], f"md5:{meta['md5']}", meta["url"])
        for year, meta in metas.items()
    )


def ade20k() -> tuple[Archive, ...]:
    """ADE20K's scene parsing challenge, official address.

    Source: the publisher gives no checksum. Size and SHA-256 are those that Hugging Face's
    `datasets` recorded of the official file (datasets/scene_parse_150/dataset_infos.json).
    """
    name = "ADEChallengeData2016.zip"
    sha256 = "7ff1be44964418441f542a7cc1e1a650e7dc0fc275f5d23252bc9bbdbc977b29"
    url = f"https://data.csail.mit.edu/places/ADEchallenge/{name}"
    return (Archive(name, 967_382_037, f"sha256:{sha256}", url),)


def imagenet() -> tuple[Archive, ...]:
    """ImageNet's 2012 challenge: only for those who registered, so without addresses."""
    from torchvision.datasets.imagenet import ARCHIVE_META

    sizes = {"train": 147_897_477_120, "val": 6_744_924_160, "devkit": None}
    return tuple(
        Archive(ARCHIVE_META[key][0], size, f"md5:{ARCHIVE_META[key][1]}", nested=key == "train")
        for key, size in sizes.items()
    )


def places365() -> tuple[Archive, ...]:
    """Places365-Standard at 256 px, and its lists of labels."""
    from torchvision.datasets import Places365

    known = (
        (*Places365._IMAGES_META["train-standard", True], 26_103_685_120),
        (*Places365._IMAGES_META["val", True], 525_158_400),
        (*Places365._DEVKIT_META["standard"], None),
    )
    return tuple(
        Archive(name, size, f"md5:{md5}", urljoin(Places365._BASE_URL, name))
        for name, md5, size in known
    )
