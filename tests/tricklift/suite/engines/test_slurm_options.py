"""What is typed for Slurm, and the options of sbatch that come of it."""

from pathlib import Path

import pytest

from tricklift.errors import UserError
from tricklift.suite.engines import Resources
from tricklift.suite.engines.slurm_options import (
    NAMED,
    TAKEN,
    SlurmOptions,
    minutes_of,
    warning,
)
from tricklift.suite.jobs import Export, Training

TRAINING = Training("cls/a/seed0", "cls/mini/resnet18_b-baseline", Path("cls/a/seed0"), 0)
EXPORT = Export("export/a-seed0", TRAINING, Path("exports/a.safetensors"), (TRAINING.name,))


@pytest.mark.parametrize(
    ("text", "minutes"),
    # man sbatch, --time: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
    # days-hours:minutes, days-hours:minutes:seconds; seconds are rounded up to a minute
    [
        ("90", 90),
        ("90:00", 90),
        ("90:01", 91),
        ("4:00:00", 240),
        ("0:00:30", 1),
        ("2-0", 2880),
        ("1-12", 2160),
        ("1-12:30", 2190),
        ("1-00:00:01", 1441),
    ],
)
def test_times_are_read_as_slurm_reads_them(text, minutes):
    assert minutes_of("--time", text) == minutes


@pytest.mark.parametrize("text", ["", "4h", "1:2:3:4", "-5", "a-1", "1-", "0", "00:00:00", "²"])
def test_other_times_are_refused(text):
    with pytest.raises(UserError, match="--time"):
        minutes_of("--time", text)


def test_what_is_typed_reaches_sbatch():
    options = SlurmOptions.parse(
        "gpu", "lab", "8:00:00", "64G", ["cpus-per-task=10", "exclusive", "--mail_type=END"]
    )
    assert options.flags(TRAINING, Resources(8, 8)) == {
        "partition": "gpu",
        "account": "lab",
        "time": "480",
        "mem": "64G",
        "nodes": "1",
        "ntasks-per-node": "1",  # torchrun starts the eight processes
        "gpus-per-node": "8",
        "cpus-per-task": "10",
        "exclusive": None,
        "mail-type": "END",
        "kill-on-invalid-dep": "yes",
        "requeue": None,
    }


def test_several_nodes_have_a_task_for_each_process():
    flags = SlurmOptions().flags(TRAINING, Resources(processes=4, gpus=4, nodes=2))
    asked = flags["nodes"], flags["ntasks-per-node"], flags["gpus-per-node"]
    assert asked == ("2", "4", "4") and "cpus-per-task" not in flags


def test_processes_of_torchrun_get_a_core_each():
    assert SlurmOptions().flags(TRAINING, Resources(processes=2))["cpus-per-task"] == "2"


def test_an_export_takes_one_process_and_no_gpu():
    flags = SlurmOptions().flags(EXPORT, Resources(processes=8, gpus=8, nodes=2))
    assert (flags["nodes"], flags["ntasks-per-node"]) == ("1", "1")
    assert not {"gpus-per-node", "cpus-per-task"} & flags.keys()


@pytest.mark.parametrize("key", [*TAKEN, *NAMED])
def test_what_is_set_here_cannot_be_set_again(key):
    with pytest.raises(UserError, match=f"--slurm {key}: .*{NAMED.get(key, 'leave it out')}"):
        SlurmOptions.parse(slurm=[f"{key}=1"])


@pytest.mark.parametrize(
    ("slurm", "words"),
    [
        (["-p=gpu"], "'-p=gpu'"),
        (["=5"], "'=5'"),
        (["two words"], "'two words'"),
        (["qos=a", "qos=b"], "qos is given twice"),
    ],
)
def test_other_words_are_refused(slurm, words):
    with pytest.raises(UserError, match=words):
        SlurmOptions.parse(slurm=slurm)


@pytest.mark.parametrize("memory", ["", "32 GB", "lots", "32GB"])
def test_memory_is_a_number_with_a_unit(memory):
    with pytest.raises(UserError, match=f"--memory .*32G, got {memory!r}"):
        SlurmOptions.parse(memory=memory)


def test_a_job_is_warned_in_time_whatever_its_limit():
    assert [warning(minutes) for minutes in (1, 4, 8, 240)] == [15, 60, 120, 120]
