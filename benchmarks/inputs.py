"""Images per second and core: from JPEG files to normalised, augmented batches.

Ours is what `configs/cls/full` does: the workers decode, crop and resize in uint8, the rest is one
affine map an image on the device. The peers do the same crop, flip and jitter as their users write
them; PCA noise, which none of them has, is on our side alone. The targets are for the paper's
jitter; that of the authors' code is shown too, since PIL turns hue slowly and has no hue there.

Decoding what the crops need, alone, is timed in the same rounds: no pipeline on this decoder can
be faster, so its ratio to a peer is the limit of ours.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import default_collate

from benchmarks.measure import Finding, Lap, Progress, Work, against, prefixed, take_turns
from tricklift.data.checks import require

#: From the path of an image to what a batch is collated from.
Loading = Callable[[Path], Any]

#: Folder of JPEGs below the data root, and the archive that it comes from.
SAMPLES = "imagenet-samples"
BATCH = 50
SIZE = 224
JITTER = 0.4
#: What is jittered -> our form of it, and the numbers of torchvision's and timm's `ColorJitter`
#: (brightness, contrast, saturation, hue). Our hue turns by up to 0.4 x 180 degrees: 0.2 of a turn.
PAPER, CODE = "paper's jitter", "jitter of the authors' code"
JITTERS: dict[str, tuple[str, tuple[float, ...]]] = {
    PAPER: ("paper", (JITTER, 0.0, JITTER, JITTER / 2)),
    CODE: ("public", (JITTER, JITTER, JITTER)),
}
ALONE = "decoding alone"
#: Short side of the large images, which are the same photographs enlarged.
LARGE = 1024
ORIGINAL, LARGE_ONES = "470 x 390 px on average", f"{LARGE} px and more"
TARGETS = {"torchvision reference": 2.3, "timm": 2.0}
LARGE_TARGET = 4.0


def bench(root: Path, say: Progress, count: int = 100, **turns: int) -> list[Finding]:
    """Measure on photographs of original size, and on the same ones enlarged.

    `count` is the number of images in one repetition; `turns` goes to `take_turns`.

    Raises:
        MissingFileError: The samples are not there.
    """
    files = sample_files(root)[:count]
    findings = []
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        large = enlarged(files, Path(folder))
        for jitter in JITTERS:
            for size, paths in ((ORIGINAL, files), (LARGE_ONES, large)):
                named = prefixed(f"{size}, {jitter}", say)
                laps = take_turns(pipelines(paths, jitter), say=named, **turns)
                findings += compared(laps, size, jitter, len(paths))
    return findings


def compared(laps: dict[str, list[Lap]], size: str, jitter: str, amount: int) -> list[Finding]:
    """Ours against each peer, and against the limit; the limit against the peers with a target."""
    targets = TARGETS if size == ORIGINAL else dict.fromkeys(TARGETS, LARGE_TARGET)
    line = partial(against, laps, bench="input", unit="images/s a core", amount=amount)
    found = []
    for peer in [name for name in laps if name != "ours"]:
        wanted = targets.get(peer) if jitter == PAPER else None
        case = f"{size}, {jitter}, against {peer}"
        found.append(line(peer, case=case, at_least=wanted))
        if wanted is not None:
            found.append(line(peer, case=f"{size}, limit: {ALONE}, against {peer}", ours=ALONE))
    return found


def sample_files(root: Path) -> list[Path]:
    """The sample photographs below a data root.

    Raises:
        MissingFileError: They are not there.
    """
    folder = root / SAMPLES
    require(folder, f"folder of sample photographs ('tricklift prepare {SAMPLES}')", "--root")
    return sorted(folder.glob("*.JPEG"))


def enlarged(files: list[Path], folder: Path) -> list[Path]:
    """Copies of photographs, enlarged so that the short side has `LARGE` pixels."""
    copies = []
    for path in files:
        image = cv2.imread(str(path))
        assert image is not None, f"cannot decode {path}"
        factor = max(1.0, LARGE / min(image.shape[:2]))
        large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        copies.append(folder / f"{path.stem}.jpg")
        cv2.imwrite(str(copies[-1]), large, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return copies


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and OpenCV use one thread: the figures are per core."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def pipelines(paths: list[Path], jitter: str) -> dict[str, Work]:
    """Each way through all images once, in batches, with one of `JITTERS`."""
    form, strengths = JITTERS[jitter]
    return {
        "ours": ours(paths, form),
        ALONE: decoding(paths),
        "torchvision reference": batched(torchvision_reference(strengths), paths),
        "torchvision v2": batched(torchvision_v2(strengths), paths),
        "timm": timm_loader(paths, strengths),
    }


def batched(load: Loading, paths: list[Path], then: Callable[[Any], Any] | None = None) -> Work:
    """What a `DataLoader` with `num_workers=0` does with a transform of one image; then `then`."""

    def work() -> None:
        for start in range(0, len(paths), BATCH):
            batch = default_collate([load(path) for path in paths[start : start + BATCH]])
            if then:
                then(batch)

    return work


def our_loading() -> Loading:
    """The transforms of the workers."""
    from cls.transforms import DecodeRandomResizedCrop, PackClassified

    crop, pack = DecodeRandomResizedCrop(size=SIZE), PackClassified()
    return lambda path: pack(crop({"img_path": str(path), "gt_label": 0, "sample_idx": 0}))


def ours(paths: list[Path], form: str) -> Work:
    """The transforms of the workers, and the preprocessor of the device."""
    from cls.preprocessor import ClsPreprocessor

    preprocess = ClsPreprocessor(jitter={"strength": JITTER, "form": form})
    return batched(our_loading(), paths, lambda batch: preprocess(batch, training=True))


def decoding(paths: list[Path]) -> Work:
    """Reading the files and decoding what random crops need of them, and no more."""
    from cls.transforms import DecodeRandomResizedCrop

    crop = DecodeRandomResizedCrop(size=SIZE)

    def work() -> None:
        for path in paths:
            crop.boxed(path.read_bytes())

    return work


def torchvision_reference(jitter: tuple[float, ...]) -> Loading:
    """The PIL path of torchvision's reference training, with colour jitter."""
    from PIL import Image
    from torchvision import transforms

    chain = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(*jitter),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )

    def load(path: Path) -> Tensor:
        with Image.open(path) as image:
            return chain(image.convert("RGB"))

    return load


def torchvision_v2(jitter: tuple[float, ...]) -> Loading:
    """torchvision's v2 transforms on tensors, from its own JPEG decoder."""
    from torchvision.io import ImageReadMode, decode_image
    from torchvision.transforms import v2

    chain = v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(*jitter),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    return lambda path: chain(decode_image(str(path), mode=ImageReadMode.RGB))


def timm_loader(paths: list[Path], jitter: tuple[float, ...]) -> Work:
    """timm's own loader in the main process, with its default crop and flip."""
    from timm.data import ImageDataset, create_loader

    dataset = ImageDataset(str(paths[0].parent))
    dataset.reader.samples = [(str(path), 0) for path in paths]
    loader = create_loader(
        dataset,
        input_size=(3, SIZE, SIZE),
        batch_size=BATCH,
        is_training=True,
        color_jitter=jitter,
        num_workers=0,
        persistent_workers=False,
        pin_memory=False,
        device=torch.device("cpu"),
    )
    return lambda: deque(loader, maxlen=0)
