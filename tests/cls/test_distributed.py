"""A classifier trained by two processes over gloo, as `mim train tricklift --launcher pytorch`.

One start serves all tests, for it takes most of the time: each process writes down what it drew,
saw and computed.
"""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from two_processes import in_two_processes

WORKER = """
import sys
from pathlib import Path
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook, Hook
import cls.colour, cls.model, cls.preprocessor
from tricklift import train as training

notes = {"lambda": [], "order": [], "colour": [], "flip": [], "validated": [], "averaged": []}

def noting(module, name, note):
    real = getattr(module, name)
    def wrapped(*args, **kwargs):
        found = real(*args, **kwargs)
        note(found, *args)
        return found
    setattr(module, name, wrapped)

def drawn(found, **rest):
    notes["lambda"].append(found[0].item())
    notes["order"].append(found[1])

noting(cls.model, "draw_mixup", drawn)
noting(cls.colour.ColourJitter, "draw", lambda found, *rest: notes["colour"].append(
    torch.cat([part.flatten() for part in found])))
noting(cls.preprocessor, "random_flip", lambda found, images, *rest: notes["flip"].append(
    (found != images).flatten(1).any(1)))

def buffers(model):
    return {name: value.clone() for name, value in model.named_buffers()}

class Watching(Hook):
    priority = "LOWEST"
    def before_val_epoch(self, runner):
        notes["validated"].append(buffers(runner.model.module))

class Averaged(Hook):
    def after_train(self, runner):
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                notes["averaged"].append(buffers(hook.ema_model))

cfg = Config.fromfile(sys.argv[1])
cfg.launcher = "pytorch"
runner = training.build_runner(cfg)
runner.register_hook(Watching())
runner.register_hook(Averaged())
runner.train()
torch.save(notes, Path(sys.argv[1]).parent / f"notes{get_rank()}.pt")
"""


def written(file: Path, repo: Path, images: Path) -> Path:
    """A config of two epochs on three classes, in batches of six a process."""
    cfg = Config.fromfile(repo / "configs" / "cls" / "mini" / "resnet18_b-baseline.py")
    cfg.merge_from_dict(
        {
            "model.num_classes": 3,
            "model.backbone.width": 0.125,
            "train_cfg.max_epochs": 2,
            "train_cfg.val_interval": 1,
            "work_dir": str(file.with_suffix("")),
        }
    )
    for split, loader in (("train", cfg.train_dataloader), ("val", cfg.val_dataloader)):
        loader.update(batch_size=6, num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(images / split), num_classes=3)
    cfg.train_dataloader.dataset.pipeline[1].size = 32
    cfg.val_dataloader.dataset.pipeline[1].update(short_side=32, size=32)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.dump(file)
    return file


@pytest.fixture(scope="module")
def notes(repo, class_folders, tmp_path_factory):
    """What the two processes noted, with mixup, jitter, flips and EMA."""
    folder = tmp_path_factory.mktemp("two")
    noisy = written(folder / "noisy.py", repo, class_folders)
    cfg = Config.fromfile(noisy)
    cfg.model.update(
        mixup=dict(alpha=0.2), data_preprocessor=dict(flip=0.5, jitter=dict(form="all"))
    )
    cfg.custom_hooks.append(dict(type="EMAHook", momentum=0.1, update_buffers=True))
    cfg.dump(noisy)

    (folder / "worker.py").write_text(WORKER)
    in_two_processes(folder / "worker.py", noisy)
    found = [torch.load(folder / f"notes{rank}.pt") for rank in (0, 1)]
    saved = torch.load(folder / "noisy" / "epoch_2.pth", weights_only=False)
    found[0]["saved"] = saved["state_dict"]
    return found


STEPS = 2 * 3  # two epochs of 36 images, six a process


def test_each_process_draws_its_own_augmentation(notes):
    one, other = notes
    for name in ("order", "colour", "flip"):
        assert len(one[name]) == len(other[name]) == STEPS
        alike = sum(torch.equal(a, b) for a, b in zip(one[name], other[name], strict=True))
        assert alike < STEPS / 2, name  # six flips may fall alike by chance


def test_lambda_is_one_for_the_whole_step(notes):
    one, other = notes
    assert len(set(one["lambda"])) == STEPS
    assert one["lambda"] == other["lambda"]


def test_all_processes_validate_one_model(notes):
    """Batch statistics, weights' averages of them, and counters, which are whole numbers."""
    one, other = notes
    for name, times in (("validated", 2), ("averaged", 1)):
        assert len(one[name]) == len(other[name]) == times
        for a, b in zip(one[name], other[name], strict=True):
            assert [key for key in a if "running_mean" in key]
            for key, value in a.items():
                assert torch.equal(value, b[key]), key
    last = notes[0]["validated"][-1]
    for key in last.keys() & notes[0]["saved"].keys():
        assert torch.equal(last[key], notes[0]["saved"][key]), key
    counts = {int(value) for key, value in last.items() if key.endswith("num_batches_tracked")}
    assert counts and counts <= set(range(1, STEPS + 1))
