"""The generators of a training step, in real runs and alone."""

import pytest
import torch
from mmengine.runner import Runner
from stopping import train_and_stop

import cls.model
from cls.colour import ColourJitter
from cls.draws import Draws

CPU = torch.device("cpu")


@pytest.fixture
def drawn(monkeypatch):
    """What each training step draws for colours and mixup."""
    seen = []
    for owner, name in ((ColourJitter, "draw"), (cls.model, "draw_mixup")):
        real = getattr(owner, name)

        def noting(*args, _real=real, **kwargs):
            found = _real(*args, **kwargs)
            seen.append(torch.cat([part.flatten().float() for part in found]))
            return found

        monkeypatch.setattr(owner, name, noting)
    return seen


def test_a_resumed_run_draws_on_as_one_in_one_piece(tiny_config, drawn):
    def train(folder, stop=False, resume=False):
        drawn.clear()
        cfg = tiny_config("resnet18_d-tricks", epochs=2)
        cfg.work_dir += folder
        cfg.resume = resume
        torch.rand(7)  # what the process drew before does not matter
        runner = Runner.from_cfg(cfg)
        if stop:
            train_and_stop(runner, epoch=1)
        else:
            runner.train()
        return list(drawn)

    whole = train("-whole")
    assert len(whole) == 2 * 12 and len({tuple(step.tolist()) for step in whole}) == 24
    halves = train("-halves", stop=True) + train("-halves", resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))


def number(draws: Draws, use: str, **options) -> float:
    return torch.rand((), generator=draws(use, CPU, **options)).item()


def test_uses_and_steps_draw_different_numbers_and_leave_the_global_generator():
    torch.manual_seed(4)
    state = torch.get_rng_state()
    draws = Draws()
    found = [number(draws, use) for _ in range(3) for use in ("flip", "colour")]
    assert len(set(found)) == 6
    assert torch.equal(torch.get_rng_state(), state)
    alone = Draws()  # one use does not change what another one draws
    assert [number(alone, "colour") for _ in range(3)] == found[1::2]


def test_ranks_draw_apart_but_for_what_they_share(monkeypatch):
    def by(rank):
        monkeypatch.setattr("cls.draws.get_rank", lambda: rank)
        draws = Draws()
        return number(draws, "partner"), number(draws, "lambda", alike=True)

    torch.manual_seed(4)
    (first, shared), (second, same) = by(0), by(1)
    assert first != second and shared == same


def test_numbers_in_a_compiled_step():
    """A generator can be drawn from in a compiled step."""
    draws, other = Draws(), Draws()
    torch.manual_seed(4)

    def step(x, draws):
        return x + torch.rand(3, generator=draws("flip", x.device))

    compiled = torch.compile(step, backend="aot_eager")
    for _ in range(2):
        assert torch.equal(compiled(torch.zeros(3), draws), step(torch.zeros(3), other))
    torch._dynamo.reset()
