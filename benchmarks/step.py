"""One training step: ours through mmengine's Runner, against the loops that people write."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import Finding, Progress, Work, against, take_turns
from benchmarks.operators import beside, times

STEPS = 2  # of one repetition
OVERHEAD = 0.03
SGD: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}


def bench(say: Progress, batch: int = 32, side: int = 224) -> list[Finding]:
    """ResNet-50-D through the Runner in float32 and bfloat16, against the plain loop in float32.

    Ours keeps weights and images channels-last and has the fused optimizer, in both.
    """
    with tempfile.TemporaryDirectory() as folder:
        work: dict[str, Work] = {
            "plain loop": plain_loop(batch, side),
            "float32": runner_loop(batch, side, Path(folder) / "float32", bfloat16=False),
            "bfloat16": runner_loop(batch, side, Path(folder) / "bfloat16", bfloat16=True),
        }
        laps = take_turns(work, say=say)
        say("where a step's time goes")
        spent = {name: times(loop) for name, loop in work.items()}
    found = []
    for name, target in (("float32", 1.0), ("bfloat16", 2.4)):
        case = f"ResNet-50-D, {batch} x {side} px, {name}, against torchvision's loop"
        known = {"bench": "step", "case": case, "unit": "images/s", "ours": name}
        speed = against(laps, "plain loop", amount=STEPS * batch, at_least=target, **known)
        found.append(replace(speed, split=beside(spent[name], spent["plain loop"])))
    return found


def bench_runner(say: Progress, batch: int = 16, side: int = 64) -> list[Finding]:
    """What the Runner costs: its iteration with the data ready, against a bare loop.

    The network is small on purpose: what the Runner does beside it then weighs most.
    """
    name, steps = "resnet18_d", 40
    with tempfile.TemporaryDirectory() as folder:
        work = {
            "ours": runner_loop(batch, side, Path(folder), False, name, steps, channels_last=False),
            "bare loop": bare_loop(batch, side, name, steps),
        }
        laps = take_turns(work, repetitions=7, say=say)
    case = f"Runner's iteration, ResNet-18-D, {batch} x {side} px, against a bare loop"
    known = {"bench": "runner", "case": case, "unit": "steps/s"}
    least = round(1 / (1 + OVERHEAD), 4)
    return [against(laps, "bare loop", amount=steps, at_least=least, **known)]


def batch_of(count: int, side: int) -> tuple[Tensor, Tensor]:
    """Images in uint8 and labels, the same ones each time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)
    return images, torch.randint(0, 1000, (count,), generator=generator)


def plain_loop(batch: int, side: int) -> Work:
    """As torchvision's reference trains: normalised float32 images, SGD, cross-entropy."""
    import backbones

    torch.manual_seed(0)
    model = backbones.build("resnet50_d").train()
    criterion = nn.CrossEntropyLoss()
    images, labels = batch_of(batch, side)
    images = (images.float() - 117) / 58
    optimizer = torch.optim.SGD(model.parameters(), **SGD)
    return training_loop(lambda: criterion(model(images), labels), optimizer, STEPS)


def bare_loop(batch: int, side: int, name: str, steps: int) -> Work:
    """Our model and its preprocessing, in such a loop."""
    model = classifier(name, channels_last=False).train()
    images, labels = batch_of(batch, side)

    def loss() -> Tensor:
        data = model.data_preprocessor({"inputs": images, "labels": labels}, training=True)
        return model(**data, mode="loss")["loss"]

    optimizer = torch.optim.SGD(model.parameters(), **SGD, fused=True)
    return training_loop(loss, optimizer, steps)


def training_loop(loss_of: Callable[[], Tensor], optimizer: Any, steps: int) -> Work:
    """The loop that people write."""

    def work() -> None:
        for _ in range(steps):
            loss = loss_of()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()

    return work


def classifier(name: str, channels_last: bool) -> Any:
    """What the classification stage trains, with the paper's augmentation."""
    from cls.model import ImageClassifier

    torch.manual_seed(0)
    return ImageClassifier(
        {"name": name}, 1000, channels_last=channels_last, data_preprocessor={"jitter": {}}
    )


def runner_loop(
    batch: int,
    side: int,
    folder: Path,
    bfloat16: bool,
    name: str = "resnet50_d",
    steps: int = STEPS,
    channels_last: bool = True,
) -> Work:
    """Train loop of a Runner with the hooks that every run has; data are ready in memory."""
    from mmengine.hooks import Hook
    from mmengine.runner import Runner
    from torch.utils.data import DataLoader

    class OneEpoch(Hook):
        """Ends `train` after the first epoch; the loop stays as it is and can go on."""

        def after_train_epoch(self, runner: Any) -> None:
            runner.train_loop.stop_training = True

    images, labels = batch_of(batch, side)
    ready = [{"inputs": images, "labels": labels}] * steps
    optimizer = {"type": "SGD", **SGD, "fused": True}
    wrapper: dict[str, Any] = {"type": "OptimWrapper", "optimizer": optimizer}
    if bfloat16:
        wrapper |= {"type": "AmpOptimWrapper", "dtype": "bfloat16"}
    runner = Runner(
        model=classifier(name, channels_last),
        work_dir=str(folder),
        train_dataloader=DataLoader(ready, collate_fn=lambda batch: batch[0]),  # type: ignore[arg-type]
        train_cfg={"by_epoch": True, "max_epochs": 1000},
        optim_wrapper=wrapper,
        default_hooks={"checkpoint": None, "logger": {"type": "LoggerHook", "interval": 10}},
        custom_hooks=[OneEpoch()],
        experiment_name=folder.name,
        log_level="ERROR",
    )

    def work() -> None:
        if runner.iter == 0:
            runner.train()
        else:
            runner.train_loop.run_epoch()

    return work
