"""What commands say of what they cannot take: option, value, what is allowed; in one line, code 2.

Each kind of fault is tried with every option of every command that can have it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_lines import walk

from tricklift.cli import main

OPTIONS = [
    (name, option)
    for name, command in walk()
    if not command.hidden
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag and option.nargs == 1
]
LISTS = {  # what takes names, and where none are taken for nothing
    *("--tables", "--rows", "--heads", "--tricks", "--backbones", "--only", "--classes"),
    "--weights",
}
REQUIRED = {"run": ["mini"], "plan": ["mini"], "paper rows": [], "list backbones": []}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a command ends with."""
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr().err
    assert end.value.code == 2, said
    (line,) = (line for line in said.splitlines() if line.startswith("error: "))
    assert "Traceback" not in said
    return line.removeprefix("error: ")


def words_for(name: str, option: Any, value: str) -> list[str]:
    """A command line that has all it needs but a good value of one option."""
    command = dict(walk())[name]
    words = name.split()
    for one in command.params:
        if one.param_type_name == "argument":
            words.append("cls" if one.name == "task" else "x")
        elif one.required and one is not option:
            words += [one.opts[0], "x"]
    return [*words, f"{option.opts[0]}={value}"]


def is_number(option: Any) -> bool:
    return bool(re.search(r"\b(int|float)\b", str(option.type_descriptor.annotation)))


@pytest.mark.parametrize(
    ("name", "option"),
    [pair for pair in OPTIONS if is_number(pair[1])],
    ids=lambda one: one if isinstance(one, str) else one.opts[0],
)
def test_a_number_that_is_none_or_out_of_range(name, option, capsys):
    given = option.type_descriptor.parameter_info
    bad = ["a"]
    bad += [] if given.min is None else [str(given.min - 1)]
    bad += [] if given.max is None else [str(given.max + 1)]
    for value in bad:
        said = refused(capsys, *words_for(name, option, value))
        assert re.match(rf"{option.opts[0]} takes a (whole )?number.*, got '{value}'$", said), said
        for limit in (given.min, given.max):
            assert limit is None or f" {limit:g}" in said


@pytest.mark.parametrize(
    ("name", "option"),
    [pair for pair in OPTIONS if pair[1].type_descriptor.choices],
    ids=lambda one: one if isinstance(one, str) else one.opts[0],
)
def test_a_choice_that_there_is_not(name, option, capsys):
    *most, last = choices = list(option.type_descriptor.choices)
    allowed = f"{', '.join(most)} or {last}"
    said = refused(capsys, *words_for(name, option, "qqq"))
    assert said == f"{option.opts[0]} takes {allowed}, got 'qqq'"
    said = refused(capsys, *words_for(name, option, choices[0] + "q"))
    assert said.endswith(f"did you mean {choices[0]!r}?")


def test_there_are_such_options():
    assert sum(is_number(option) for _, option in OPTIONS) > 15
    assert sum(bool(option.type_descriptor.choices) for _, option in OPTIONS) > 8
    assert {option.opts[0] for _, option in OPTIONS} >= LISTS


@pytest.mark.parametrize(
    ("name", "option"),
    [pair for pair in OPTIONS if pair[1].opts[0] in LISTS],
    ids=lambda one: one if isinstance(one, str) else one.opts[0],
)
def test_a_list_of_nothing_or_of_one_name_twice(name, option, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    word, needed = option.opts[0], words_for(name, option, "")[:-1]
    if name in ("run", "plan"):
        (tmp_path / "d").mkdir()
        tier = "own" if word == "--weights" else "mini"
        needed = [name, tier, "--out", "x", *(["--det", "d"] if tier == "own" else [])]
    elif name in ("train", "config show"):
        needed = [*name.split(), "cls/mini/resnet18_b-baseline"]
    for value in ("", "a,", ",", "a,,b"):
        said = refused(capsys, *needed, f"{word}={value}")
        assert said.startswith(f"{word} takes names like a,b, got {value!r}; ")
    assert refused(capsys, *needed, f"{word}=a,b,a").startswith(f"{word} names 'a' 2 times; ")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("word", ["--seeds", "--downstream-seeds"])
@pytest.mark.parametrize(
    ("value", "fault"), [("", ""), ("a", ""), ("0,0", "0 is there twice"), ("-1", "-1 is below 0")]
)
def test_seeds_that_are_none(word, value, fault, capsys):
    for command in ("run", "plan"):
        said = refused(capsys, command, "mini", "--out", "x", f"{word}={value}")
        assert said.startswith(f"{word} takes different whole numbers from 0")
        assert f"got {value!r}" in said and said.endswith(fault)


@pytest.mark.parametrize(
    "given",
    [
        ("--gpus-per-job", "-1"),
        ("--gpus-per-job", "0.3"),
        ("--time", "abc"),
        ("--memory", "lots"),
        ("--slurm", "foo"),
        ("--partition", "g"),
        ("--engine", "slurm", "--time", "0"),
    ],
)
def test_plan_refuses_what_run_refuses_and_in_the_same_words(given, capsys, tmp_path):
    said = [
        refused(capsys, name, "mini", "--out", str(tmp_path), *given) for name in ("run", "plan")
    ]
    assert said[0] == said[1] and given[-2] in said[0]


def test_names_are_looked_at_before_data(capsys, tmp_path):
    """Nothing has to be downloaded to learn of a slip."""
    where = ("--out", str(tmp_path / "x"), "--root", str(tmp_path))
    said = refused(capsys, "run", "mini", *where, "--only", "cls/resnet18_b-baselin/seed0")
    assert "did you mean 'cls/resnet18_b-baseline/seed0'?" in said and "there are cls/" in said
    assert "did you mean 'resnet18_b-baseline'?" in refused(
        capsys, "run", "mini", *where, "--rows", "resnt"
    )
    assert "small; it has rows of none" in refused(capsys, "run", "small", *where, "--tables", "8")
    assert "it has rows of tables 2, " in refused(
        capsys, "plan", "full", *where, "--tables", "9", "--rows", "resnet50_a-baseline"
    )


@pytest.mark.parametrize("name", ["list tiers", "paper fidelity", "report", "run", "train", "demo"])
def test_a_path_that_cannot_be_made_is_one_error(name, capsys, tmp_path, repo, tiny_root):
    """Below /proc nobody makes a folder: the system says that there is no such one."""
    words = {
        "run": ["mini", "--root", str(tiny_root)],
        "train": ["cls/mini/resnet18_b-baseline", "--root", str(tiny_root)],
        "report": [str(repo / "docs/results/demo"), "--pictures", "0"],
    }
    command = [*name.split(), *words.get(name, ()), "--out", "/proc/x/y"]
    assert "/proc/x" in (said := refused(capsys, *command)) and "give another path" in said


def test_two_forms_at_once_are_refused(capsys, repo):
    config, runs = "cls/mini/resnet18_b-baseline", str(repo / "docs/results/demo")
    for words in (
        ["compare", runs, "--json", "--format", "csv"],
        ["compare", runs, "--json", "--format", "md"],
        ["config", "show", config, "--json", "--format", "py"],
    ):
        assert "--json and --format" in refused(capsys, *words)
    said = refused(capsys, "compare", runs, "--plot", "x.gif")
    assert ".png, .svg, .pdf, got 'x.gif'" in said


def test_two_words_of_an_option(capsys):
    assert "--to takes hub USER/NAME" in refused(capsys, "publish", "a", "b", "--to", "foo")


@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_a_config_for_own_data_names_the_option(task, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(capsys, "train", f"{task}/own", "--out", "w")
    assert "give them: --data DIR" in said and f"--task {task}" in said


def test_a_config_takes_no_text_for_a_number(capsys):
    for name in ("train", "config show"):
        command = [*name.split(), "cls/mini/resnet18_b-baseline", "--cfg-options"]
        for key in ("train_cfg.max_epochs", "optim_wrapper.optimizer.lr", "warmup_epochs"):
            config = [*command[:-2], "cls/mini/resnet18_d-tricks", command[-1], f"{key}=a"]
            assert re.search(rf"'{key}' takes a number, here .*, got 'a'", refused(capsys, *config))
        said = refused(capsys, *command, "+train_cfg.max_epochs=a")
        assert "train_cfg.max_epochs is a whole number, got 'a'" in said


COMMANDS = (
    ("config", "path", "cls/mini/resnet18_b-baseline"),
    ("config", "show", "cls/mini/resnet18_b-baseline", "--json"),
    ("paper", "rows", "--tables", "2", "--json"),
    ("list", "datasets", "--json"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_that_is_set_to_nothing_is_not_set(command, tmp_path):
    """And what is printed is the output alone."""
    said = []
    for value in (None, ""):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRICKLIFT_")}
        names = ("TRICKLIFT_ROOT", "TRICKLIFT_EXPORTS", "TRICKLIFT_DATA")
        environment |= dict.fromkeys(names, value) if value is not None else {}
        done = subprocess.run(
            [sys.executable, "-m", "tricklift", *command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        said.append(done.stdout)
        assert "Using env variable" not in done.stdout + done.stderr
    assert said[0] == said[1]


def test_root_goes_into_the_config_and_no_further(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TRICKLIFT_ROOT", "elsewhere")
    with pytest.raises(SystemExit):
        main(["config", "show", "det/mini/faster_rcnn_fpn", "--json", "--root", str(tmp_path)])
    shown = json.loads(capsys.readouterr().out)
    assert shown["train_dataloader"]["dataset"]["data_root"].startswith(str(tmp_path))
    assert os.environ["TRICKLIFT_ROOT"] == "elsewhere"


def test_config_show_has_all_options_of_train_that_change_the_config():
    """But where a run goes, how it is started, and what only a run has."""
    commands = dict(walk())
    words = {
        name: {option.opts[0] for option in commands[name].params}
        for name in ("train", "config show")
    }
    of_a_run = {"--out", "--resume", "--log-to", "--launcher", "--processes", "--local_rank"}
    assert words["train"] - words["config show"] == of_a_run
    assert words["config show"] - words["train"] == {"--format", "--json"}


def test_status_looks_below_as_the_others_do(capsys, tmp_path):
    """`tricklift demo` keeps its jobs beside its data."""
    (tmp_path / "runs").mkdir()
    held = {
        "version": 1,
        "jobs": [{"name": "export/x", "kind": "export", "needs": [], "file": "x"}],
    }
    (tmp_path / "runs/jobs.json").write_text(json.dumps(held))
    for folder in (tmp_path, tmp_path / "runs"):
        with pytest.raises(SystemExit) as end:
            main(["status", str(folder), "--json"])
        assert not end.value.code
        assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["export/x"]
    Path(tmp_path / "more").mkdir()
    (tmp_path / "more/jobs.json").write_text("{}")
    assert "no jobs.json in" in refused(capsys, "status", str(tmp_path))
