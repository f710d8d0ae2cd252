"""A run that is killed anywhere, and resumed, ends as if nothing had happened: bit for bit."""

import random

import pytest
from killed_runs import PLACES

#: Of each task, in the long set.
KILLS = 20


@pytest.fixture(scope="session")
def whole(trainer, settings, tmp_path_factory):
    """The work dir of a run of a task that was never stopped."""
    done = {}

    def of(task: str, processes: int = 1):
        if (task, processes) not in done:
            done[task, processes] = tmp_path_factory.mktemp(f"{task}{processes}")
            folder = done[task, processes]
            assert trainer.train(work_dir=folder, processes=processes, **settings(task))
        return done[task, processes]

    return of


def killed_at(trainer, order, folder, places, **more) -> int:
    """Trains to the end; the processes are killed at the places, one after the other."""
    kills = 0
    for place in places:
        if trainer.train(work_dir=folder, kill=place, **order, **more):
            return kills  # it did not come there any more
        kills += 1
    assert trainer.train(work_dir=folder, **order, **more)
    return kills


def drawn(rng: random.Random) -> tuple[str, int]:
    place = rng.choice(list(PLACES))
    return place, rng.randint(1, PLACES[place])


@pytest.mark.faults
@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_twenty_kills(task, trainer, settings, whole, same, tmp_path):
    rng, kills, runs = random.Random(f"{task} 16"), 0, 0
    while kills < KILLS:
        order = settings(task, **{"train_dataloader.num_workers": rng.choice([1, 2, 3])})
        folder = tmp_path / str(runs)
        kills += killed_at(trainer, order, folder, [drawn(rng) for _ in range(3)])
        same(whole(task), folder)
        runs += 1
    print(f"{task}: {kills} kills in {runs} runs, all as the run that was never stopped")
