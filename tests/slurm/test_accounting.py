"""A cluster with accounting, where Slurm knows accounts."""

import pytest
from slurm_cluster import Cluster

from tricklift.errors import UserError
from tricklift.suite.engines.slurm import Slurm
from tricklift.suite.engines.slurm_options import SlurmOptions


@pytest.fixture(scope="module")
def accounted(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("accounted"), nodes=1, accounting=True) as cluster:
        yield cluster


@pytest.fixture
def client(accounted, monkeypatch):
    """This process is a client of that cluster."""
    for key, value in accounted.environment.items():
        monkeypatch.setenv(key, value)
    yield accounted
    accounted.clear()


def test_an_account_is_known_or_refused(client):
    Slurm(SlurmOptions.parse(account="lab")).check()
    with pytest.raises(UserError, match=r"Invalid account.*account=physics"):
        Slurm(SlurmOptions.parse(account="physics")).check()
