"""Processes on several nodes: how they are started, and where they meet."""

from tricklift.suite.engines import Resources
from tricklift.suite.engines.srun import FIRST_PORT, rendezvous, spread


def test_each_node_has_its_processes_and_cores():
    environment = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "10"}
    command = spread(["tricklift", "train"], Resources(processes=8, gpus=8, nodes=2), environment)
    assert command[:3] == ["srun", "--nodes=2", "--ntasks-per-node=8"]
    assert (
        "--cpus-per-task=10" in command and f"--export=ALL,MASTER_PORT={FIRST_PORT + 7}" in command
    )
    assert command[-4:] == ["tricklift", "train", "--launcher", "slurm"]


def test_jobs_on_one_node_meet_on_ports_of_their_own():
    ports = {rendezvous({"SLURM_JOB_ID": str(number)})["MASTER_PORT"] for number in range(500)}
    assert len(ports) == 500
    assert all(1024 < int(port) < 32768 for port in ports)  # what Linux hands out begins there


def test_what_is_given_stays():
    given = {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "a", "MASTER_ADDR": "b", "MASTER_PORT": "1"}
    assert rendezvous(given) == {}
