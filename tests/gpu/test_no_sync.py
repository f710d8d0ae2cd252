"""A training step of a classifier, with torch refusing whatever waits for the card."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch


@contextmanager
def no_waiting() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("per", ["batch", "image"])
@pytest.mark.parametrize("form", ["paper", "public"])
def test_step_without_waiting_for_the_card(form, per):
    """Preprocessing, mixing, loss and the backward pass."""
    from cls.model import ImageClassifier

    model = ImageClassifier(
        backbone=dict(name="resnet18_b", width=0.25),
        num_classes=12,
        label_smoothing=dict(eps=0.1),
        mixup=dict(alpha=0.2, per=per),
        channels_last=True,
        data_preprocessor=dict(jitter=dict(form=form)),
    ).cuda()

    def step() -> torch.Tensor:
        batch = {
            "inputs": torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8).pin_memory(),
            "labels": torch.randint(0, 12, (8,)).pin_memory(),
        }
        with no_waiting():
            ready = model.data_preprocessor(batch, training=True)
            loss = model(**ready, mode="loss")["loss"]
            loss.backward()
        return loss.detach()

    step()  # the first one loads kernels
    assert all(step().isfinite() for _ in range(3))


def test_waiting_is_refused():
    """The check itself can fail."""
    with no_waiting(), pytest.raises(RuntimeError, match="synchroniz"):
        torch.ones(1, device="cuda").item()


def test_processes_draw_lambda_alike_on_the_card(monkeypatch):
    from cls.draws import Draws
    from cls.targets import draw_mixup

    torch.manual_seed(0)
    device, found = torch.device("cuda"), []
    for rank in (0, 1):
        monkeypatch.setattr("cls.draws.get_rank", lambda rank=rank: rank)
        found.append(draw_mixup(0.2, 64, device, Draws()))
    (one, order), (other, another) = found
    assert one.device.type == "cuda" and torch.equal(one, other)
    assert not torch.equal(order, another)
    assert sorted(order.tolist()) == list(range(64))
