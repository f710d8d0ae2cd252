"""How cost grows: with workers, batch, image size, and the number of boxes."""

from pathlib import Path
from typing import Any

import torch

from tricklift.bench.inputs import SIZE, sample_files
from tricklift.bench.measure import Progress, lap
from tricklift.bench.step import classifier

Points = list[tuple[float, float]]
ROUNDS = 3


def curves(root: Path, say: Progress) -> dict[str, Points]:
    """Each curve: what is varied -> what it costs, the best of `ROUNDS`."""
    found: dict[str, Points] = {}
    say("images per second against workers")
    found["images/s against workers"] = [(n, loading(root, n)) for n in (1, 2)]
    say("ResNet-18-D step against the image size")
    found["images/s against image size (px)"] = [(s, stepping(16, s)[0]) for s in (64, 128, 224)]
    say("ResNet-18-D step against the batch")
    steps = {batch: stepping(batch, 64) for batch in (8, 16, 32, 64)}
    found["images/s against batch"] = [(batch, rate) for batch, (rate, _) in steps.items()]
    found["saved activations (MB) against batch"] = [(b, held) for b, (_, held) in steps.items()]
    say("detection step against boxes")
    found["detection step (s) against boxes"] = [(n, detecting(n)) for n in (1, 4, 16, 64)]
    return found


def best(work: Any) -> float:
    """Seconds of the fastest of a few calls, after one that does not count."""
    work()
    return min(lap(work).wall for _ in range(ROUNDS))


def loading(root: Path, workers: int) -> float:
    """Images a second out of a loader with so many workers."""
    from mmengine.dataset import Compose
    from torch.utils.data import DataLoader

    import cls  # noqa: F401  (registers the transforms)

    files = sample_files(root)
    chain = Compose([{"type": "DecodeRandomResizedCrop", "size": SIZE}, {"type": "PackClassified"}])

    class Samples(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, place: int) -> Any:
            return chain({"img_path": str(files[place]), "gt_label": 0, "sample_idx": place})

    loader = DataLoader(Samples(), batch_size=20, num_workers=workers, persistent_workers=True)

    def work() -> None:
        for _ in loader:
            pass

    return len(files) / best(work)


def stepping(batch: int, side: int) -> tuple[float, float]:
    """Images a second of a training step, and megabytes of activations that it keeps."""
    model = classifier("resnet18_d", channels_last=True).train()
    images = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8)
    data = {"inputs": images, "labels": torch.zeros(batch, dtype=torch.int64)}
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    def work() -> None:
        ready = model.data_preprocessor(dict(data), training=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**ready, mode="loss")["loss"]
        loss.backward()

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        work()
    return batch / best(work), sum(held.values()) / 2**20


def detecting(boxes: int) -> float:
    """Seconds of a detector's training step on images with so many boxes."""
    from mmengine.structures import InstanceData

    from tricklift.bench.downstream import Trainee, built, detection_batch, stock_config

    stock = stock_config("mmdet", "pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py")
    batch = detection_batch()
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(boxes, 2, generator=generator) * torch.tensor([480.0, 280.0])
    extent = 40 + torch.rand(boxes, 2, generator=generator) * 80
    every = torch.cat([corner, corner + extent], dim=1)
    for sample in batch["data_samples"]:
        sample.gt_instances = InstanceData(
            bboxes=every, labels=torch.zeros(boxes, dtype=torch.int64)
        )
    return best(Trainee(built(stock, ours=True), batch, bfloat16=True).step)


def plot(found: dict[str, Points], folder: Path) -> list[Path]:
    """One picture a curve; returns the files."""
    from matplotlib.figure import Figure

    from tricklift.ground.atomic import replacing

    files = []
    for number, (title, points) in enumerate(found.items(), start=1):
        what, _, varied = title.partition(" against ")
        figure = Figure(figsize=(4.2, 2.8), layout="constrained")
        axes = figure.subplots()
        axes.plot(*zip(*points, strict=True), "o-", color="#D55E00")
        axes.set(xlabel=varied, ylabel=what, ylim=(0, None))
        axes.grid(alpha=0.3)
        files.append(folder / f"growth-{number}.png")
        with replacing(files[-1]) as temporary:
            figure.savefig(temporary, dpi=100)
    return files
