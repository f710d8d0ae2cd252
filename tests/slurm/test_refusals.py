"""What Slurm would refuse is said in one line before anything is submitted."""

from pathlib import Path

import pytest

from tricklift.errors import UserError
from tricklift.suite import graph, states
from tricklift.suite.board import Board
from tricklift.suite.engines import slurm_client
from tricklift.suite.engines.slurm import Slurm
from tricklift.suite.engines.slurm_options import SlurmOptions
from tricklift.suite.jobs import Training


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"partition": "mian"}, r"'mian'.* known: main, other.*did you mean 'main'"),
        ({"partition": "main", "time": "2:00:00"}, r"main allows 60 minutes, got 120"),
        ({"memory": "900G"}, r"configuration is not available.*mem=900G"),
        ({"slurm": ["constraint=quantum"]}, r"feature.*constraint=quantum"),
        ({"slurm": ["gibberish=1"]}, r"gibberish"),
        ({"slurm": ["cpus-per-task=99"]}, r"configuration is not available.*cpus-per-task=99"),
    ],
)
def test_options_that_the_cluster_does_not_have(cluster, given, words):
    with pytest.raises(UserError, match=words) as refused:
        Slurm(SlurmOptions.parse(**given)).check()
    assert "\n" not in str(refused.value)
    assert not cluster.call("squeue", "-h")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gpus_per_job": 1}, r"--gpus-per-job 1: .*main has 0 GPUs"),
        ({"gpus_per_job": 0.5}, r"--gpus-per-job.*got 0.5"),
        ({"nodes": 5}, r"nodes=5"),
    ],
)
def test_more_than_there_is(cluster, given, words):
    with pytest.raises(UserError, match=words):
        Slurm(**given).check()


def test_the_command_line_says_it_in_one_line_and_leaves_nothing(
    cluster, front, tiny_root, tmp_path
):
    out = tmp_path / "out"
    tier = Path(__file__).with_name("tiny.yaml")
    call = ("run", tier, "--out", out, "--root", tiny_root, "--engine", "slurm")
    said = front(*call, "--partition", "mian").ends(code=2)
    assert said.startswith("error: --partition: no partition 'mian'") and said.count("\n") == 1
    assert not out.exists() and not cluster.call("squeue", "-h")


def test_a_time_limit_is_taken_from_the_partition(cluster):
    def minutes(**given):
        return Slurm(SlurmOptions.parse(**given)).fitted()[0].minutes

    assert minutes() == 60  # the default partition's, below our default
    assert minutes(partition="other") == 30 and minutes(partition="main,other") == 30
    assert minutes(time="5") == 5


class Closing(Board):
    """Closes the partition once so many jobs are submitted, as an administrator might."""

    def __init__(self, cluster, after):
        super().__init__()
        self.cluster, self.after = cluster, after

    def ended(self, name, text, result=""):
        self.after -= text.startswith("submitted")
        if not self.after:
            self.cluster.call("scontrol", "update", "PartitionName=main", "State=INACTIVE")


def test_what_was_submitted_before_a_refusal_is_cancelled(cluster, tmp_path):
    names = [f"cls/{letter}/seed0" for letter in "abc"]
    jobs = [Training(name, "cls/mini/resnet18_b-baseline", tmp_path / name, 0) for name in names]
    graph.write(tmp_path, "tiny", tmp_path, {}, jobs)
    try:
        with pytest.raises(UserError, match=r"cls/c/seed0: .*inactive.*; 2 jobs .*cancelled"):
            Slurm().run(jobs, tmp_path, Closing(cluster, after=2))
    finally:
        cluster.call("scontrol", "update", "PartitionName=main", "State=UP")
    assert not slurm_client.queue(tmp_path)
    assert not any(states.read(tmp_path, name).get("state") == "queued" for name in names)
