"""Training on a card, of each task, through configs as users write them."""

import pytest
import torch
from gpu_switches import SWITCHES

from tricklift.config_keys import parse_options

LINES = {switch.name: switch for switch in SWITCHES}
MODES = {
    "float32": (),
    "float16": ("FP16",),
    "bfloat16": ("bfloat16",),
    "channels-last": ("bfloat16", "channels-last"),
    "compiled": ("bfloat16", "torch.compile"),
}
TASKS = ("cls", "det", "seg")


def moved_by(runner, compiled_backbone: bool = False) -> torch.Tensor:
    """How two steps moved all weights of the backbone."""
    network = runner.model.backbone
    start = weights(network)
    if compiled_backbone:  # detectors and segmenters have images of changing sizes
        network.compile()
    runner.train()
    assert next(network.parameters()).device.type == "cuda"
    return weights(network) - start


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().cpu().flatten() for p in network.parameters()])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("task", TASKS)
def test_training_step(runner, task, mode):
    """Finite, and in float32's direction."""
    options = {}
    for name in MODES[mode]:
        options |= parse_options(LINES[name].line(downstream=task != "cls").split())
    if mode == "float16":
        options["+optim_wrapper.loss_scale"] = 256.0  # the dynamic scale skips the first steps
    torch._dynamo.reset()
    built = runner(task, options)
    moved = moved_by(built, mode == "compiled" and task != "cls")
    assert moved.isfinite().all() and moved.abs().max() > 0
    if mode in ("float16", "bfloat16"):
        assert built.optim_wrapper.cast_dtype is getattr(torch, mode)
    if mode == "channels-last":
        weights = [p for p in built.model.backbone.parameters() if p.dim() == 4 and p.shape[2] > 1]
        assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
    if mode != "float32":
        plain = moved_by(runner(task))
        assert torch.nn.functional.cosine_similarity(moved, plain, dim=0) > 0.5


def test_classification_resumes_where_it_stopped(runner, tmp_path):
    """Two epochs in one go equal one epoch, a stop, and one more: draws on the card go on."""
    whole_images = {  # workers' crops, which do start anew
        "train_dataloader.dataset.pipeline": [
            {"type": "DecodeImage"},
            {"type": "ResizeCenterCropUint8", "short_side": 64, "size": 64},
            {"type": "PackClassified"},
        ],
        "param_scheduler": [],
    }

    def train(folder, epochs, resume=None):
        options = {**whole_images, "train_cfg.max_epochs": epochs}
        built = runner("cls", options, work_dir=tmp_path / folder, resume=resume)
        start = weights(built.model)
        built.train()
        return weights(built.model) - start

    whole = train("whole", 2)
    train("halves", 1)
    halves = train("halves", 2, resume="auto")
    assert torch.nn.functional.cosine_similarity(whole, halves, dim=0) > 0.999


@pytest.mark.parametrize("task", ("det", "seg"))
def test_resume(runner, task):
    """The second half of a run in float16: weights, optimizer and scaler come back."""
    half = parse_options(LINES["FP16"].line(downstream=True).split())
    half["param_scheduler"] = []  # those of the tier are refused in a longer run
    runner(task, half).train()
    length = {"train_cfg.max_epochs": 2} if task == "det" else {"train_cfg.max_iters": 4}
    resumed = runner(task, {**half, **length}, resume="auto")
    resumed.train()
    assert resumed.iter == 4
    assert all(p.isfinite().all() for p in resumed.model.parameters())


@pytest.mark.parametrize("network", ["resnet18_d", "timm/resnet18d"])
def test_export(runner, tmp_path, network):
    """What was trained on the card computes the same on a CPU, from its exported file."""
    from backbones import build
    from backbones.checkpoint import read
    from backbones.export import export

    built = runner("cls", {"model.backbone": {"_delete_": True, "name": network}})
    built.train()
    model = built.model.eval()
    checkpoint = (tmp_path / "last_checkpoint").read_text()
    export(checkpoint, tmp_path / "weights.safetensors")
    other = build(network, num_classes=12).eval()
    other.load_state_dict(read(tmp_path / "weights.safetensors").state)
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = model.backbone(images.cuda()).cpu(), other(images)
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2)  # cuDNN convolves in TF32
