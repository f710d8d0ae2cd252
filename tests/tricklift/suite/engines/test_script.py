"""The plain scripts as text; `tests/slurm/test_scripts.py` hands them to a real sbatch."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tricklift.errors import UserError
from tricklift.suite.engines import Resources, script
from tricklift.suite.engines.slurm_options import SlurmOptions
from tricklift.suite.jobs import Export, Training


@pytest.fixture
def jobs(tmp_path):
    """A chain of three in a folder with a space in its name."""
    out = tmp_path / "my runs"
    training = Training("cls/a/seed0", "cls/mini/resnet18_b-baseline", out / "cls/a/seed0", 0)
    export = Export("export/a-seed0", training, out / "exports/a.safetensors", ("cls/a/seed0",))
    needs = ("export/a-seed0",)
    later = Training("det/a/seed0", "det/mini/faster_rcnn_fpn", out / "det", 0, needs=needs)
    return out, [training, export, later]


def test_each_job_has_a_script_that_bash_can_read(jobs, tmp_path):
    out, chain = jobs
    options = SlurmOptions.parse("gpu", time="8:00:00", slurm=["qos=long"])
    resources = Resources(processes=8, gpus=8)
    files = script.write(chain, out, tmp_path / "scripts", options, resources)
    assert [file.name for file in files] == [
        "1-cls_a_seed0.sbatch",
        "2-export_a-seed0.sbatch",
        "3-det_a_seed0.sbatch",
        "submit.sh",
    ]
    for file in files:
        subprocess.run(["bash", "-n", file], check=True)
    first, second = (file.read_text() for file in files[:2])
    for line in ("--partition=gpu", "--time=480", "--qos=long", "--requeue", "--gpus-per-node=8"):
        assert f"#SBATCH {line}\n" in first
    assert "--gpus-per-node" not in second  # an export
    (command,) = [line for line in first.splitlines() if " work " in line and line.endswith(" &")]
    words = shlex.split(command)
    assert words[words.index("work") + 1 :][:2] == [str(out), "cls/a/seed0"]
    calls = files[-1].read_text()
    assert "submit 2-export_a-seed0.sbatch 1-cls_a_seed0.sbatch\n" in calls
    assert "submit 3-det_a_seed0.sbatch 2-export_a-seed0.sbatch\n" in calls


def test_what_a_job_needs_and_is_done_is_not_waited_for(jobs, tmp_path):
    out, chain = jobs
    files = script.write(chain[2:], out, tmp_path / "scripts", SlurmOptions(), Resources())
    assert "submit 1-det_a_seed0.sbatch\n" in files[-1].read_text()


def test_scripts_of_an_earlier_call_are_replaced_and_nothing_else_is(jobs, tmp_path):
    out, chain = jobs
    folder = tmp_path / "scripts"
    script.write(chain, out, folder, SlurmOptions(), Resources())
    script.write(chain[:1], out, folder, SlurmOptions(), Resources())
    assert sorted(file.name for file in folder.iterdir()) == ["1-cls_a_seed0.sbatch", "submit.sh"]
    (folder / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"thesis\.tex.*folder of its own"):
        script.write(chain, out, folder, SlurmOptions(), Resources())
    assert (folder / "1-cls_a_seed0.sbatch").exists()
    with pytest.raises(UserError, match="is a file"):
        script.write(chain, out, folder / "thesis.tex", SlurmOptions(), Resources())
    assert Path(folder / "thesis.tex").exists()
