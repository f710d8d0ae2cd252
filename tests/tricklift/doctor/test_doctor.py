"""`tricklift doctor` with each trouble that it knows, planted for real where a test can."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tricklift.data.prepare import manifest
from tricklift.doctor import Finding, datasets, environment, libraries, machine, places
from tricklift.records.machine import cores

#: Prints the findings of one part, in a process whose surroundings are planted.
PART = """
import dataclasses, json, sys
from importlib import import_module
part = import_module(f"tricklift.doctor.{sys.argv[1]}")
print(json.dumps([dataclasses.asdict(one) for one in part.findings()]))
"""


def part(name: str, cwd: Path, before: Callable[[], None] | None = None, **variables: str):
    """What a part finds, by what it is of."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PART, name],
        cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, preexec_fn=before,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {one["what"]: Finding(**one) for one in json.loads(done.stdout)}


def first_on_path(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def metadata(folder: Path, name: str, version: str, *requires: str) -> None:
    """The metadata of an installed package, as pip writes them."""
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {one}" for one in requires]
    (place / "METADATA").write_text("\n".join(lines) + "\n")


def test_this_machine_and_its_environment_are_as_they_should_be(tmp_path):
    """The tests run here, so nothing can be wrong."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tricklift", "doctor", "--json", "--root", "data"],
        cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(cores() + 1), "HF_HOME": "/dev/null/hf"},
    )  # fmt: skip
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 0, [one for one in found.values() if one["level"] == "wrong"]
    for what in ("Python", "cores", "memory", "open files", "OpenMMLab", "torch", "GPU", "mim"):
        assert what in found or (what == "GPU" and "GPU 0" in found)
    assert "mmdet 3.3.0" in found["OpenMMLab"]["said"]
    assert "import" in found["opencv"]["said"] and "mmseg 1.2.2" in found["mmcv.ops"]["said"]
    # two that are planted
    assert found["threads"]["level"] == "note"
    assert f"at most {cores()}" in found["threads"]["remedy"]
    assert found["Hugging Face cache"]["level"] == "note"
    assert "set HF_HOME" in found["Hugging Face cache"]["remedy"]
    assert not list(tmp_path.iterdir()), "doctor leaves nothing behind"


def test_first_lines_come_before_anything_is_imported(tmp_path):
    command = [sys.executable, "-P", "-m", "tricklift", "doctor"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as asked:
        assert asked.stdout is not None
        assert asked.stdout.readline().split()[0] == "system"
        used = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        assert asked.poll() is None, f"torch takes longer ({used})"
        asked.send_signal(signal.SIGINT)


def test_a_folder_in_the_place_of_ours_is_named(tmp_path):
    (tmp_path / "seg").mkdir()
    (tmp_path / "seg" / "__init__.py").touch()
    found = part("packages", tmp_path, **first_on_path(tmp_path))
    assert found["tricklift"].level == "wrong"
    assert str(tmp_path / "seg") in found["tricklift"].said
    assert "rename it" in found["tricklift"].remedy
    assert found["current folder"].level == "note" and "seg" in found["current folder"].said


@pytest.mark.slow
def test_what_will_not_work_is_exit_code_1(tmp_path):
    (tmp_path / "seg").mkdir()
    (tmp_path / "seg" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tricklift", "doctor"],
        cwd=tmp_path, env={**os.environ, **first_on_path(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"X tricklift            {tmp_path / 'seg'} is found" in done.stdout


def test_such_a_folder_that_hides_nothing_yet_is_a_note(tmp_path):
    (tmp_path / "cls").mkdir()
    found = part("packages", tmp_path)
    assert found["tricklift"].level == "ok"
    assert found["current folder"].level == "note" and "cls" in found["current folder"].said


def test_opencv_without_libgl_has_its_remedy(tmp_path):
    """The loader's own error, of a library that is not there."""
    (tmp_path / "cv2").mkdir()
    code = "import ctypes\nctypes.CDLL('libGL.so.not-here')\n"
    (tmp_path / "cv2" / "__init__.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tricklift.doctor.probes", "opencv"],
        env={**os.environ, **first_on_path(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    found = libraries.failed("opencv", done.returncode, done.stderr)
    assert found.level == "wrong" and "libGL.so.not-here" in found.said
    assert "opencv-python-headless" in found.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("RuntimeError: operator torchvision::nms does not exist", "from one index"),
        ("AttributeError: _ARRAY_API not found", "numpy>=2"),
        ("OSError: libcudart.so.13: cannot open shared object file", "install torch anew"),
        ("ModuleNotFoundError: No module named 'mmdet'", "pip install the package of mmdet"),
        ("ValueError: nobody has seen this", "python -m tricklift.doctor.probes torch"),
    ],
)
def test_what_an_import_says_has_its_remedy(said, remedy):
    found = libraries.failed("torch", 1, f"Traceback\n  ...\n{said}\n")
    assert (found.said, found.level) == (said, "wrong") and remedy in found.remedy
    assert "SIGSEGV" in libraries.failed("torch", -11, "").said


def test_torchvision_of_another_torch(tmp_path):
    metadata(tmp_path, "torchvision", "0.29.1", "torch==1.0.0")
    found = part("packages", tmp_path, **first_on_path(tmp_path))
    assert found["torch"].level == "wrong" and "built for torch==1.0.0" in found["torch"].remedy


def test_two_builds_of_torch_and_torchvision(tmp_path):
    metadata(tmp_path, "torch", "2.14.1+cpu")
    metadata(tmp_path, "torchvision", "0.29.1+cu130", "torch==2.14.1")
    found = part("packages", tmp_path, **first_on_path(tmp_path))
    assert found["torch"].level == "wrong" and "cu130" in found["torch"].remedy


def test_another_openmmlab_than_compat_is_written_for(tmp_path):
    metadata(tmp_path, "mmdet", "3.4.0")
    found = part("packages", tmp_path, **first_on_path(tmp_path))
    assert found["mmdet"].level == "wrong" and found["mmdet"].said == "3.4.0"
    assert "mmdet==3.3.0" in found["mmdet"].remedy


def test_few_open_files(tmp_path):
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 4096))

    found = part("machine", tmp_path, few)
    assert found["open files"].level == "wrong" and "ulimit -n 4096" in found["open files"].remedy


def test_small_shared_memory(tmp_path):
    """A file system of that size in a name space of its own, as docker makes one of 64 MB."""
    mount = f"mount -t tmpfs -o size=64m tmpfs /dev/shm && exec {sys.executable} -P -c '{PART}' $0"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "machine"], capture_output=True, text=True
    )
    if done.returncode and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip("this host lets nobody mount in a name space of one's own")
    (found,) = (one for one in json.loads(done.stdout) if one["what"] == "/dev/shm")
    assert found["level"] == "wrong" and "--shm-size" in found["remedy"]


def test_limits_of_a_container_are_read(tmp_path):
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert machine._quota(tmp_path / "cpu.max") == 1.5
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    assert machine._limit(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._limit(tmp_path) is None and machine._quota(tmp_path / "no") is None


def test_folders_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.touch()
    found = places.place("out", file / "runs", "wrong", "give another --out")
    assert found.level == "wrong" and f"{file} is a file" in found.said
    found = places.place("data root", Path("/proc/data"), "note", "give another --root")
    assert found.level == "note" and "/proc cannot be written" in found.said
    found = places.place("out", tmp_path / "a", "wrong", "give another --out", room=1e30)
    assert found.level == "note" and found.remedy == "free some space there, or give another --out"
    assert list(tmp_path.iterdir()) == [file]


def test_a_root_that_is_a_file_is_wrong_and_no_command_is_advised(tmp_path):
    (file := tmp_path / "file").touch()
    found = {one.what: one for one in places.findings(file, tmp_path)}
    assert found["data root"].level == "wrong" and "--root" in found["data root"].remedy
    assert "prepare" not in " ".join(one.said for one in datasets.findings(file))
    assert "prepare" in " ".join(one.said for one in datasets.findings(tmp_path))


def test_a_folder_that_may_not_be_entered(tmp_path):
    """As another user where the tests run as root, who may enter all."""
    locked = tmp_path / "locked"
    locked.mkdir(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        found = places.place("out", locked / "runs", "wrong", "give another --out")
        (data,) = datasets.findings(locked / "data")
    finally:
        if root:
            os.seteuid(0)
        locked.chmod(0o700)
    assert found.level == "wrong" and "cannot be written" in found.said
    assert f"not below {locked / 'data'}" in data.said


def test_threads_and_slurm(tmp_path, monkeypatch):
    assert environment.threads({}).level == "ok"
    assert "whole number" in environment.threads({"OMP_NUM_THREADS": "many"}).remedy
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = environment.slurm()
    assert found.level == "note" and "lacks squeue, scontrol, sinfo, scancel" in found.said
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert environment.slurm().level == "ok"
    off = {environment.AUTOLOAD: "0"}
    assert [one.level for one in environment.findings(off) if one.what in off] == ["note"]


def test_data_sets_by_how_they_are_known(tmp_path):
    for folder in ("camvid", "cifar10", "VOCdevkit/VOC2007"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bccd").symlink_to(tmp_path / "gone")
    file = manifest.path_of("camvid", tmp_path)
    file.parent.mkdir()
    file.write_text(json.dumps({"format": manifest.FORMAT}))
    found = {one.what: one for one in datasets.findings(tmp_path)}
    assert found["data: camvid"].level == "ok" and "as prepared" in found["data: camvid"].said
    assert f"prepare cifar10 --root {tmp_path} checks it" in found["data: cifar10"].remedy
    assert "VOC2012 is not there" in found["data: voc"].said
    assert "leads nowhere" in found["data: bccd"].said
    assert "miniworld" in found["data"].said and "camvid" not in found["data"].said


def test_a_gpu_that_torch_cannot_use(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told = {"version": "2.14.1", "cuda": None, "devices": [], "mps": False, "bfloat16": True}
    (found,) = libraries._torch(told)
    assert found.level == "note" and "a build for CPUs" in found.remedy
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (found,) = libraries._torch({**told, "cuda": "13.0"})
    assert "CUDA_VISIBLE_DEVICES is ''" in found.remedy
    (found,) = libraries._torch({**told, "devices": ["H100, 80 GB"]})
    assert (found.what, found.level) == ("GPU 0", "ok")
