"""TeacherCacheHook: before training, fill the cache of the teacher's logits if there is one."""

import os
import zlib
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from cls.distillation import Distillation
from cls.logit_cache import LogitCache, teacher_fingerprint
from cls.preprocessor import ClsPreprocessor
from cls.transforms import DecodeImage, PackClassified, ResizeCenterCropUint8
from tricklift.errors import UserError

#: Transforms that give the same result each time.
FIXED = (DecodeImage, ResizeCenterCropUint8, PackClassified)
#: Bytes of an image's file that its key in the cache tells apart.
END = 4096
REMEDY = (
    "cached logits are right only for images that never change: train without it (a pipeline of "
    "DecodeImage, ResizeCenterCropUint8 and PackClassified, model.data_preprocessor.flip=0 and "
    "jitter=None, no mixup), or set model.distillation.cache=None"
)


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Fills and hands over the cache that ``model.distillation.cache`` names; else does nothing.

    The logits are computed under the run's own precision, on its device. Of several processes each
    computes an equal share, so that none waits for long; then all read them from the folder.

    Raises:
        UserError: The training images are not fixed, with what changes them; or the folder holds
            other logits.
    """

    def before_train(self, runner: Any) -> None:
        """Compute what is missing, then give the student the table."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        distillation: Distillation | None = getattr(model, "distillation", None)
        if distillation is None or distillation.cache is None or distillation.table is not None:
            return
        loader = runner.train_dataloader
        refuse_random(loader.dataset, model)
        assert distillation.teacher is not None, "init_weights() has loaded the teacher"
        made_by = teacher_fingerprint(
            distillation.teacher.network, description(loader.dataset, model, runner.optim_wrapper)
        )
        keys = image_keys(loader.dataset)
        rank, world = get_dist_info()
        share = range(rank, len(keys), world)

        def answer(places: list[int]) -> Tensor:
            with runner.optim_wrapper.optim_context(runner.model):
                return answers(distillation, model, loader, [share[place] for place in places])

        def progress(done: int, total: int) -> None:
            each = f" on each of {world} processes" if world > 1 else ""
            runner.logger.info(f"teacher's logits: {done} of {total} images{each}")

        own = [keys[place] for place in share]
        writer = f"-{rank}of{world}" if world > 1 else ""
        LogitCache(distillation.cache, made_by).fill(own, answer, progress=progress, writer=writer)
        barrier()
        distillation.use_table(LogitCache(distillation.cache, made_by).table(keys))


def refuse_random(dataset: Any, model: Any) -> None:
    """Refuse a training whose images change from epoch to epoch.

    Raises:
        UserError: Saying what changes them.
    """
    reasons = [
        f"{type(transform).__name__} in train_dataloader.dataset.pipeline"
        for transform in dataset.pipeline.transforms
        if not isinstance(transform, FIXED)
    ]
    preprocessor = model.data_preprocessor
    if not isinstance(preprocessor, ClsPreprocessor):
        reasons.append(f"model.data_preprocessor of type {type(preprocessor).__name__}")
    else:
        reasons += [f"flip={preprocessor.flip}"] if preprocessor.flip else []
        reasons += ["colour jitter"] if preprocessor.jitter else []
    reasons += ["mixup"] if model.mixup else []
    if reasons:
        raise UserError(f"no cache of the teacher's logits: {', '.join(reasons)}; {REMEDY}")


def description(dataset: Any, model: Any, optim_wrapper: Any) -> dict[str, Any]:
    """All that decides what the teacher sees and computes, beside its weights."""
    distillation, preprocessor = model.distillation, model.data_preprocessor
    transforms = [[type(t).__name__, vars(t)] for t in dataset.pipeline.transforms]
    return {
        "teacher": distillation.teacher_name,
        "normalised": [distillation.teacher.scale, distillation.teacher.shift],
        "settings": {k: v for k, v in distillation.settings.items() if k != "checkpoint"},
        "pipeline": transforms,
        "mean": preprocessor.mean.tolist(),
        "std": preprocessor.std.tolist(),
        "precision": str(getattr(optim_wrapper, "cast_dtype", None)),
        "amp": "Amp" in type(optim_wrapper).__name__,
    }


def image_keys(dataset: Any) -> list[str]:
    """Each image's path below the data root, with its size in bytes and a checksum of its end.

    Another picture under the same name may well have as many bytes; two compressed ones that end
    alike are the same. So no more than the ends are read, at each start.
    """
    root = Path(dataset.data_root)
    paths = [Path(dataset.get_data_info(i)["img_path"]) for i in range(len(dataset))]
    return [f"{path.relative_to(root)}@{_mark(path)}" for path in paths]


def _mark(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - END))
        return f"{size}-{zlib.crc32(file.read()):08x}"


def answers(
    distillation: Distillation, model: Any, loader: DataLoader, places: list[int]
) -> Tensor:
    """The teacher's logits ``(len(places), K)`` of these images of the training set."""
    batches = DataLoader(
        Subset(loader.dataset, places),
        batch_size=loader.batch_size,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        # The workers' seeds: a run that fills the cache draws no more than one that finds it full.
        generator=torch.Generator(),
    )
    assert distillation.teacher is not None
    found = [
        distillation.teacher(model.data_preprocessor(batch)["inputs"]).cpu() for batch in batches
    ]
    return torch.cat(found)
