"""A run that is killed anywhere, and resumed, ends as if nothing had happened: bit for bit."""

import random
import subprocess
import time

import pytest
from killed_runs import PLACES

#: Configs of `settings`.
TASKS = ("cls", "det", "seg")

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
    for place, when in places:
        stop = {"after": when} if place == "time" else {"kill": (place, when)}
        if trainer.train(work_dir=folder, **stop, **order, **more):
            return kills  # it did not come there any more
        kills += 1
    assert trainer.train(work_dir=folder, **order, **more)
    return kills


def drawn(rng: random.Random, seconds: float) -> tuple[str, float]:
    """A place and how often it is come to, or a time within a run of so many seconds."""
    place = rng.choice([*PLACES, "time"])
    return place, rng.uniform(0, seconds) if place == "time" else rng.randint(1, PLACES[place])


@pytest.mark.faults
@pytest.mark.parametrize("task", TASKS)
def test_twenty_kills(task, trainer, settings, whole, same, tmp_path, record_property):
    rng, kills, runs = random.Random(f"{task} 16"), 0, 0
    began = time.monotonic()
    unstopped = whole(task)
    seconds = time.monotonic() - began
    while kills < KILLS:
        order = settings(task, **{"train_dataloader.num_workers": rng.choice([1, 2, 3])})
        folder = tmp_path / str(runs)
        kills += killed_at(trainer, order, folder, [drawn(rng, seconds) for _ in range(3)])
        same(unstopped, folder)
        runs += 1
    record_property("faults", kills)
    print(f"{task}: {kills} kills in {runs} runs, all as the run that was never stopped")


@pytest.mark.faults
@pytest.mark.parametrize("task", TASKS)
def test_saved_and_killed_within_an_epoch(task, trainer, settings, whole, same, tmp_path):
    """Checkpoints that a signal asked for: at three steps of a run, whatever is due there."""
    order = settings(task, **{"train_dataloader.num_workers": 1})
    places = [("saved", step) for step in (2, 5, 7)]
    assert killed_at(trainer, order, tmp_path, places) == 3
    same(whole(task), tmp_path, files=False)


@pytest.mark.faults
@pytest.mark.parametrize("task", TASKS)
def test_two_processes(task, trainer, settings, whole, same, tmp_path):
    """Killed in a write, in a validation, and within an epoch with statistics of their own."""
    places = [("write", 1), ("saved", 3), ("validation", 1), ("unnoted", 1)]
    order = settings(task)
    assert killed_at(trainer, order, tmp_path, places, processes=2) >= 2
    same(whole(task, processes=2), tmp_path, files=False)


def test_a_share(repo, trainer, settings, same, tmp_path):
    """One place of the long set, another one at each commit."""
    count = ["git", "-C", str(repo), "rev-list", "--count", "HEAD"]
    done = subprocess.run(count, capture_output=True, text=True)
    commits = int(done.stdout) if done.returncode == 0 else 0  # without git: the same one
    places = [("saved", 6), *((place, 2) for place in PLACES if place != "untidied")]
    places += [("untidied", 1)]  # of three checkpoints two are kept
    order = settings("cls", **{"train_dataloader.num_workers": 1})
    assert trainer.train(work_dir=tmp_path / "whole", **order)
    place = places[commits % len(places)]
    assert killed_at(trainer, order, tmp_path / "killed", [place]) == 1
    same(tmp_path / "whole", tmp_path / "killed", files=False)
