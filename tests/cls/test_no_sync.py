"""A training step of a classifier never waits for the GPU; see `tests/helpers/waits.py`."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from waits import Watching

from cls.distillation import distillation_losses
from cls.draws import Draws
from cls.model import ImageClassifier

pytestmark = pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda'")


@pytest.fixture
def global_generator(monkeypatch):
    """Numbers from the device's global generator: one of CUDA's own needs a driver."""
    monkeypatch.setattr(Draws, "__call__", lambda self, use, device, alike=False: None)


def stepped(**options) -> Watching:
    """What one training step of a classifier does on a card before its backward pass."""
    with FakeTensorMode():
        with torch.device("cuda"):
            network = dict(name="resnet18_b", width=0.125)
            model = ImageClassifier(backbone=network, num_classes=4, **options)
        model.data_preprocessor.to("cuda")
        batch = {
            "inputs": torch.zeros(6, 3, 32, 32, dtype=torch.uint8),
            "labels": torch.zeros(6, dtype=torch.long),
        }
        with Watching() as seen:
            ready = model.data_preprocessor(batch, training=True)
            assert all(value.device.type == "cuda" for value in ready.values())
            model(**ready, mode="loss")
    return seen


@pytest.mark.parametrize("per", ["batch", "image"])
@pytest.mark.parametrize("form", ["paper", "public", "all"])
def test_preprocessing_mixing_and_loss(global_generator, form, per):
    seen = stepped(
        label_smoothing=dict(eps=0.1),
        mixup=dict(alpha=0.2, per=per),
        data_preprocessor=dict(jitter=dict(form=form)),
    )
    assert seen.waits == []
    assert seen.copies == 2  # the images and the labels


@pytest.mark.parametrize("form", ["paper", "public"])
def test_distillation(form):
    with FakeTensorMode():
        logits, targets, answer = (torch.empty(2, 5, device="cuda") for _ in range(3))
        with Watching() as seen:
            distillation_losses(logits, targets, answer, 20.0, form)
    assert seen.waits == []


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x + torch.tensor([1.0, 2.0], device=x.device),
        lambda x: x.cpu(),
        lambda x: x[x > 0.5],
        lambda x: torch.linalg.inv(torch.eye(2, device=x.device)),
        lambda x: x.sum().item(),
        lambda x: (x > 0).nonzero(),
    ],
    ids=["list", "copy", "mask", "inverse", "item", "nonzero"],
)
def test_what_waits_is_seen(wait):
    """The watch itself can fail."""
    failed = False
    with FakeTensorMode(), Watching() as seen:
        try:
            wait(torch.empty(2, device="cuda"))
        except Exception as error:
            failed = "data-dependent" in str(error) or "aten." in str(error)
    assert seen.waits or failed
