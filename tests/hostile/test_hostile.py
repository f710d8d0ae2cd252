"""No hostile file runs code, leaves its folder, hangs or takes over a GiB; each gives one line."""

import subprocess

import cases_archives  # noqa: F401
import cases_checkpoints  # noqa: F401
import cases_configs  # noqa: F401
import cases_data  # noqa: F401
import cases_results  # noqa: F401
import pytest

from hostile import CASES, Client, check

#: Of the cases, the part that runs at each commit.
SHARE = 24


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Runs commands in processes of their own."""
    client = Client(tmp_path_factory.mktemp("log") / "log.txt")
    yield client
    client.close()


def test_sixty_cases_at_least_each_once():
    assert len(CASES) >= 60
    assert {found.ends for found in CASES} == {"refused", "read"}


@pytest.mark.faults
@pytest.mark.parametrize("found", CASES, ids=lambda found: found.make.__name__)
def test_a_case(found, client, tmp_path):
    outcome = check(found, client, tmp_path)
    print(
        f"hostile: {found.ends}, {outcome.seconds:.2f} s, {outcome.memory >> 20} MiB: {found.name}"
    )


def test_a_share(repo, client, tmp_path):
    """Some of the cases, others at each commit."""
    count = ["git", "-C", str(repo), "rev-list", "--count", "HEAD"]
    done = subprocess.run(count, capture_output=True, text=True)
    commits = int(done.stdout) if done.returncode == 0 else 0  # without git: the same ones
    for found in CASES[commits % SHARE :: SHARE]:
        place = tmp_path / found.make.__name__
        place.mkdir()
        check(found, client, place)
