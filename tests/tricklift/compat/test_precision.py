"""One precision for a whole run: over all configs, by every way in, and for RoIs."""

import inspect
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import METRICS, MODELS
from mmengine.runner import Runner

import tricklift.compat.setup  # noqa: F401
from tricklift import configs
from tricklift.compat import amp, precision
from tricklift.compat.precision import autocast
from tricklift.compat.safe_load import load_from_disk
from tricklift.train import build_config
from tricklift.tricks import load

FP32, BF16, FP16 = torch.float32, torch.bfloat16, torch.float16
AMP = dict(type="AmpOptimWrapper", loss_scale="dynamic")  # what mmdet's `--amp` sets

seen: dict[str, set[torch.dtype]] = {}


@MODELS.register_module()
class PrecisionTestModel(BaseModel):
    """One linear layer that notes the dtype of what comes out of it."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(2, 1)

    def forward(self, x, mode="tensor"):
        x = self.fc(torch.stack(x) if isinstance(x, list) else x)
        seen.setdefault(mode, set()).add(x.dtype)
        return {"loss": x.square().mean()} if mode == "loss" else self.predict_by_feat([x])

    def predict_by_feat(self, outputs):
        """As heads of mmdet and mmseg call what turns their outputs into predictions."""
        seen.setdefault("head", set()).add(outputs[0].dtype)
        return list(outputs[0])


@METRICS.register_module()
class NothingTestMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return {"accuracy/top1": 0.0}


def a_run(tiny, folder: Path, wrapper: dict, **changes) -> Config:
    """Two epochs of a tiny model; its wrapper has SGD in the place of the leaf's optimizer."""
    cfg = tiny.config(
        folder,
        model=dict(type="PrecisionTestModel"),
        optim_wrapper={**wrapper, "optimizer": dict(type="SGD", lr=0.1)},
        val_evaluator=dict(type="NothingTestMetric"),
        test_evaluator=dict(type="NothingTestMetric"),
        custom_hooks=[],
        **changes,
    )
    cfg.test_dataloader = cfg.val_dataloader
    cfg.setdefault("test_cfg", dict())
    return cfg


def trained(cfg: Config) -> tuple[set[torch.dtype], set[torch.dtype]]:
    """What a run trains in and validates in."""
    seen.clear()
    Runner.from_cfg(cfg).train()
    return seen["loss"], seen["predict"]


def evaluated(cfg: Config) -> set[torch.dtype]:
    """What a test of its last checkpoint runs in."""
    seen.clear()
    cfg.experiment_name += "-test"
    cfg.load_from = str(Path(cfg.work_dir) / "epoch_2.pth")
    Runner.from_cfg(cfg).test()
    return seen["predict"]


def stated(cfg: Config) -> torch.dtype:
    """The precision that a config states."""
    wrapper = cfg.optim_wrapper
    assert wrapper.get("type") in ("OptimWrapper", "AmpOptimWrapper")
    dtype = FP32 if wrapper.type == "OptimWrapper" else getattr(torch, wrapper.dtype)
    assert dtype in ((FP32,) if wrapper.type == "OptimWrapper" else (BF16, FP16))
    return dtype


def test_every_config_states_one_precision_and_keeps_it(tiny, tmp_path):
    """All leaves; those with the same loops and wrapper train, validate and test once."""
    kinds: dict[str, tuple[Config, list[str]]] = {}
    for name in configs.short_names():
        cfg = Config.fromfile(configs.find_config(name), import_custom_modules=False)
        parts = (cfg.optim_wrapper.type, stated(cfg), cfg.get("val_cfg"), cfg.get("test_cfg"))
        kinds.setdefault(str(parts), (cfg, []))[1].append(name)
    assert {stated(cfg) for cfg, _ in kinds.values()} == {FP32, BF16, FP16}
    for place, (cfg, names) in enumerate(kinds.values()):
        keys = ("type", "dtype", "loss_scale")
        wrapper = {key: cfg.optim_wrapper[key] for key in keys if key in cfg.optim_wrapper}
        loops = {key: dict(cfg[key]) for key in ("val_cfg", "test_cfg")}
        run = a_run(tiny, tmp_path / str(place), wrapper, **loops)
        want = {stated(cfg)}
        assert trained(run) == (want, want), names
        assert seen["head"] == {FP32}, "scores rounded to a half type have no order"
        assert evaluated(run) == want, names


def test_the_papers_fp16_says_so():
    with_it = [name for name in configs.short_names() if name.startswith("cls/full/")]
    for name in with_it:
        cfg = load(configs.find_config(name))
        want = FP16 if "mixed_precision" in cfg.get("tricks", ()) else FP32
        assert stated(cfg) == want, name


@pytest.mark.parametrize("leaf", ["cls/full/resnet50_a-baseline", "det/full/faster_rcnn_c4"])
def test_the_trick_states_float16_and_channels_last(leaf):
    cfg = load(configs.find_config(leaf), ["mixed_precision"])
    assert stated(cfg) == FP16
    holder = cfg.model if leaf.startswith("cls") else cfg.model.backbone
    assert holder.channels_last
    assert stated(load(configs.find_config("cls/mini/resnet18_d-tricks"), [])) == BF16


@pytest.mark.parametrize(("machine", "want"), [("cpu", BF16), ("cuda", FP16)])
def test_our_option_amp_states_what_it_is_here(monkeypatch, machine, want):
    monkeypatch.setattr("mmengine.device.get_device", lambda: machine)
    assert stated(build_config("seg/full/fcn", amp=True)) == want
    assert stated(build_config("seg/mini/fcn", amp=True)) == BF16  # as its config says


def test_channels_last_reaches_the_network():
    cfg = load(configs.find_config("cls/full/resnet50_a-baseline"), ["mixed_precision"])
    from cls.model import ImageClassifier

    cfg.model.backbone.update(name="resnet18_a", width=0.125)
    cfg.model.pop("type")
    model = ImageClassifier(**cfg.model)
    layouts: list[bool] = []
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(
                lambda _, ins, out: layouts.append(
                    out.is_contiguous(memory_format=torch.channels_last)
                )
            )
    batch = {"inputs": torch.zeros(2, 3, 64, 64, dtype=torch.uint8)}
    images = model.data_preprocessor(batch, training=True)["inputs"]
    assert images.is_contiguous(memory_format=torch.channels_last)
    with autocast(BF16):
        model(images)
    assert layouts and all(layouts)


def test_amp_of_a_command_holds_in_a_test_of_the_same_config(tiny, tmp_path):
    """The config is float32; the checkpoint knows what it was trained in."""
    run = a_run(tiny, tmp_path, AMP)
    with pytest.raises(ValueError, match=r"optim_wrapper.dtype is not stated.*'bfloat16' or"):
        Runner.from_cfg(run).train()
    run.pop("benchmark")
    run.experiment_name += "-others"
    assert trained(run) == ({BF16}, {BF16})
    assert load_from_disk(str(tmp_path / "epoch_2.pth"))["meta"]["precision"] == "bfloat16"
    plain = a_run(tiny, tmp_path, dict(type="OptimWrapper"))
    assert evaluated(plain) == {BF16}
    plain = a_run(tiny, tmp_path, dict(type="OptimWrapper"))
    assert trained(plain) == ({FP32}, {FP32})
    assert evaluated(a_run(tiny, tmp_path, AMP)) == {FP32}


@pytest.mark.parametrize("part", ["val_cfg", "test_cfg"])
def test_half_precision_of_a_loop_alone_is_refused(tiny, tmp_path, part):
    run = a_run(tiny, tmp_path, dict(type="OptimWrapper"), **{part: dict(fp16=True)})
    with pytest.raises(ValueError, match=rf"{part}.fp16=True.*float32; leave it out"):
        Runner.from_cfg(run).train()
    run.pop("benchmark")  # a config of others, which may want it
    run.experiment_name += "-others"
    trained(run)


def as_if_cuda(monkeypatch) -> None:
    """Lets mmengine believe in a GPU; torch notices that there is none, and warns."""
    for home in ("mmengine.device", "mmengine.runner.amp"):
        monkeypatch.setattr(f"{home}.get_device", lambda: "cuda")
    monkeypatch.setattr(sys.modules[amp.HOMES[-1]], "is_cuda_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)


@pytest.mark.filterwarnings("ignore")
def test_a_gpus_default_is_named(monkeypatch):
    as_if_cuda(monkeypatch)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    assert amp.AmpOptimWrapper(optimizer=optimizer).cast_dtype == FP16


@pytest.fixture
def extractor(monkeypatch):
    """mmdet's, as no autocast has met it yet."""
    from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor

    assert precision.EXTRACTOR in sys.modules
    monkeypatch.setattr(SingleRoIExtractor, "forward", inspect.unwrap(SingleRoIExtractor.forward))
    layer = dict(type="RoIAlign", output_size=1, sampling_ratio=2)
    return SingleRoIExtractor(layer, out_channels=1, featmap_strides=[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [BF16, FP16])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_rois_stay_exact(extractor, monkeypatch, device, kind):
    """mmdet casts RoIs to the dtype of the features; 201.3 is 201 in bfloat16, 201.25 in float16.

    A RoI from 201.3 to 203.3 samples a step at 202 at 201.3 + 0.5 and 202.3 + 0.5, less the half
    pixel of the alignment: (0.3 + 1) / 2. From 201 to 203 it would sample at 201 and 202: 1/2.

    Where mmengine believes in a GPU, its wrapper must do the same; without one the features are on
    the CPU, under a CPU's autocast.
    """
    step = (torch.arange(256) >= 202).expand(1, 1, 8, 256).to(kind)
    rois = torch.tensor([[0, 201.3, 1.0, 203.3, 3.0]])
    rounded = 0.5 if kind == BF16 else 0.625
    assert extractor([step], rois).item() == pytest.approx(rounded, abs=1e-4)
    if device == "cuda":
        as_if_cuda(monkeypatch)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = amp.AmpOptimWrapper(dtype=kind, optimizer=optimizer)
    for _ in range(2):
        with wrapper.optim_context(model), torch.autocast("cpu", kind):
            found = extractor([step], rois)
    assert found.item() == pytest.approx(0.65, abs=1e-4)
    assert not hasattr(inspect.unwrap(type(extractor).forward), "__wrapped__")
    # a network of half weights without autocast takes what it took
    assert extractor([step], rois).dtype == kind
