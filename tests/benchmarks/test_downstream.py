"""Our detector and segmenter start from the stock ones' weights and lose alike."""

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from benchmarks import downstream


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "batch"),
    [
        (downstream.DETECTOR, downstream.detection_batch),
        (downstream.SEGMENTER, downstream.segmentation_batch),
    ],
)
def test_the_same_weights_give_the_same_loss(config, batch):
    stock = downstream.stock_config(config)
    peer, ours = (
        downstream.Trainee(downstream.built(stock, ours=own), batch(), bfloat16=False)
        for own in (False, True)
    )
    downstream.share_weights(peer.model, ours.model)
    peer.step()
    ours.step()
    assert ours.losses == pytest.approx(peer.losses, rel=1e-4)


def test_losses_are_alike_within_two_percent():
    assert downstream.alike("det", [1.0, 1.0], [1.0, 1.03]).met is True
    assert downstream.alike("det", [1.0, 1.0], [1.0, 1.1]).met is False


class Noisy(BaseModel):
    """A loss that falls, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64))

    def forward(self, inputs: torch.Tensor, mode: str) -> dict[str, torch.Tensor]:
        return {"loss": nn.functional.dropout(self.weight * inputs).square().mean()}


def test_chance_is_the_same_training_with_other_random_numbers():
    batch = {"inputs": torch.ones(64)}
    peer, same, other = (
        downstream.Trainee(Noisy(), batch, bfloat16=False, first_seed=seed) for seed in (0, 0, 1000)
    )
    for _ in range(3):
        peer.step()
    assert downstream.chance("det", same, peer).ours == sum(peer.losses) / 3
    found = downstream.chance("det", other, peer)
    assert len(other.losses) == 3 and found.ours != found.peer == sum(peer.losses) / 3
    assert found.case.startswith("limit: mean loss over 3 steps") and found.met is None


def test_pictures_are_the_same_each_time():
    first, second = downstream.pictures(1, 64, 96), downstream.pictures(1, 64, 96)
    assert first[0].shape == (3, 64, 96) and first[0].dtype == torch.uint8
    assert torch.equal(first[0], second[0])
