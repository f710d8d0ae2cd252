"""The learning rate of every iteration of every row, by mmengine's own schedulers.

mmengine's Runner builds loop, optimizer and schedulers as in training, with one rank's share of the
images and eight ranks; its hook then steps the schedulers through the whole training.
"""

import json
import math
import uuid
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import ParamSchedulerHook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

GPUS = 8
VOC0712 = 5_011 + 11_540
ADE20K = 20_210
EXACT = 1e-9


class Images(Dataset):
    """As many numbers as there are images."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        return index


class OneWeight(BaseModel):
    """A model with one parameter, by a name that the config's own rules may know."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.add_module(name, torch.nn.Linear(1, 1, bias=False))

    def forward(self, *args: Any, **kwargs: Any) -> dict:
        return {}


def runner_of(cfg: Config, images: int, tmp_path, name: str = "backbone") -> Runner:
    """A Runner after the four steps that `Runner.train` takes before its loop."""
    sampler = "InfiniteSampler" if "max_iters" in cfg.train_cfg else "DefaultSampler"
    loader = dict(
        batch_size=cfg.train_dataloader.batch_size,
        drop_last=cfg.train_dataloader.get("drop_last", False),
        dataset=Images(math.ceil(images / GPUS)),
        sampler=dict(type=sampler, shuffle=True),
        num_workers=0,
    )
    runner = Runner(
        model=OneWeight(name),
        work_dir=str(tmp_path),
        train_dataloader=loader,
        train_cfg=dict(
            type=cfg.train_cfg.type,
            **{k: v for k, v in cfg.train_cfg.items() if k in ("max_epochs", "max_iters")},
        ),
        optim_wrapper=cfg.optim_wrapper,
        param_scheduler=cfg.param_scheduler,
        auto_scale_lr=cfg.auto_scale_lr,
        log_level="ERROR",
        experiment_name=uuid.uuid4().hex,
        default_scope="mmengine",
    )
    runner._world_size = GPUS
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    runner.param_schedulers = runner.build_param_scheduler(runner.param_schedulers)
    return runner


def rates(runner: Runner) -> np.ndarray:
    """The rate of each iteration of the whole training."""
    hook, group = ParamSchedulerHook(), runner.optim_wrapper.param_groups[0]
    by_iteration = any(not scheduler.by_epoch for scheduler in runner.param_schedulers)
    epochs = getattr(runner.train_loop, "max_epochs", 1)
    length = runner.train_loop.max_iters // epochs
    found = []
    runner.optim_wrapper._global_step = 0  # as if it had stepped, for the schedulers
    for _ in range(epochs):
        if by_iteration:
            for index in range(length):
                found.append(group["lr"])
                hook.after_train_iter(runner, index)
        else:
            found += [group["lr"]] * length
        hook.after_train_epoch(runner)
    return np.array(found)


@pytest.fixture(scope="module")
def rates_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The rates of a row; rows that set the same things share one walk."""
    known: dict[str, np.ndarray] = {}

    def run(cfg: Config, images: int) -> np.ndarray:
        parts = (cfg.param_scheduler, cfg.train_cfg, cfg.auto_scale_lr, cfg.optim_wrapper.optimizer)
        key = json.dumps([*parts, images, cfg.train_dataloader.batch_size])
        if key not in known:
            known[key] = rates(runner_of(cfg, images, tmp_path_factory.mktemp("run")))
        return known[key]

    return run


def stated(recipe: Any) -> np.ndarray:
    """The paper's rate of each iteration (sections 2.1, 3.1, 5.1).

    Warmup has the form that the page names: i / (m - 1), from 0 to all of the rate; the paper's own
    form is in `test_warmup_is_near_the_papers_formula`.
    """
    length = recipe.images // recipe.batch
    step = np.arange(recipe.epochs * length)
    first = recipe.warmup * length
    if recipe.cosine:
        share = (step - first) / (len(step) - first)
        rate = recipe.rate * (1 + np.cos(np.pi * share)) / 2
    else:
        rate = recipe.rate * 0.1 ** sum((step >= e * length).astype(int) for e in (30, 60, 90))
    if first:
        rate[:first] = recipe.rate * step[:first] / (first - 1)
    return rate


def test_rate_of_every_iteration(row, rates_of):
    wanted = stated(row.recipe)
    found = rates_of(row.cfg, row.recipe.images)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < EXACT


def test_warmup_is_near_the_papers_formula(row, rates_of):
    """Section 3.1: iteration i of m, counted from 1, has i / m of the rate."""
    recipe = row.recipe
    steps = recipe.warmup * (recipe.images // recipe.batch)
    if steps:
        found = rates_of(row.cfg, recipe.images)[:steps]
        papers = recipe.rate * np.arange(1, steps + 1) / steps
        assert np.abs(found - papers).max() <= recipe.rate / steps + EXACT


def test_rate_at_chosen_iterations(row, rates_of):
    recipe, length = row.recipe, row.recipe.images // row.recipe.batch
    found = rates_of(row.cfg, recipe.images)
    first, last = recipe.warmup * length, recipe.epochs * length - 1
    assert (
        length
        == {(256, 1000): 5004, (1024, 1000): 1251, (1024, 365): 1761}[recipe.batch, recipe.classes]
    )
    if recipe.warmup:
        assert found[0] == pytest.approx(0, abs=EXACT)
        assert found[1] == pytest.approx(recipe.rate / (5 * length - 1), abs=EXACT)
        assert found[first - 1] == pytest.approx(recipe.rate, abs=EXACT)
    assert found[first] == pytest.approx(recipe.rate, abs=EXACT)
    if recipe.cosine:
        middle = (first + last + 1) // 2
        assert found[middle] == pytest.approx(recipe.rate / 2, rel=2e-5)
        assert found[last] == pytest.approx(0, abs=EXACT)
    else:
        for epoch, factor in ((29, 1), (30, 0.1), (59, 0.1), (60, 0.01), (89, 0.01), (90, 1e-3)):
            for iteration in (0, 1, length // 2, length - 1):
                value = found[epoch * length + iteration]
                assert value == pytest.approx(recipe.rate * factor, abs=EXACT)
        assert found[last] == pytest.approx(recipe.rate * 1e-3, abs=EXACT)


def test_detector_c4(config_of, tmp_path):
    """1e-3 an image; linear warmup; a tenth from epoch 14 on (the step at 20 is the end)."""
    cfg = config_of("det/full/faster_rcnn_c4-d-cosine")
    found = rates(runner_of(cfg, VOC0712, tmp_path))
    length = math.ceil(VOC0712 / 8)
    step = np.arange(20 * length)
    wanted = 8e-3 * np.where(step < 14 * length, 1.0, 0.1)
    wanted[:1000] *= 1 / 3 + 2 / 3 * step[:1000] / 999
    assert length == 2069
    assert np.abs(found - wanted).max() < EXACT


def test_detector_fpn(config_of, tmp_path):
    """mmdet's: 0.01 at 16 images, 12 epochs, a tenth from epoch 9 on."""
    cfg = config_of("det/full/faster_rcnn_fpn-d-cosine")
    found = rates(runner_of(cfg, VOC0712, tmp_path))
    length = math.ceil(VOC0712 / 16)
    wanted = np.where(np.arange(12 * length) < 9 * length, 0.01, 0.001)
    assert np.abs(found - wanted).max() < EXACT


@pytest.mark.parametrize("head", ["fcn", "pspnet"])
@pytest.mark.parametrize("part", ["backbone", "decode_head", "auxiliary_head"])
def test_segmenter(head, part, config_of, tmp_path):
    """Poly 0.9 from 0.01 to 0 over 120 epochs of 1,263 iterations; heads with ten times that."""
    cfg = config_of(f"seg/full/{head}-d-cosine")
    if (head, part) not in {("fcn", "backbone"), ("pspnet", "decode_head")}:
        group = runner_of(cfg, ADE20K, tmp_path, part).optim_wrapper.param_groups[0]
        assert group["lr"] == pytest.approx(0.01 if part == "backbone" else 0.1, abs=EXACT)
        return
    found = rates(runner_of(cfg, ADE20K, tmp_path, part))
    count = 120 * (ADE20K // 16)
    wanted = (0.01 if part == "backbone" else 0.1) * (1 - np.arange(count) / (count - 1)) ** 0.9
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < EXACT
