"""All commands as one: groups, flags with one meaning, help that teaches and is right."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from command_lines import COMMAND, examples, parse, walk

from tricklift.cli import GROUPS, main

COMMANDS = dict(walk())
SHOWN = {name: one for name, one in COMMANDS.items() if not one.hidden}


#: A command in backticks or quotes, behind `$(`, or at the start of a line of code.
NAMED = re.compile(
    r"(?:[`']|\$\(|^ *)tricklift ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(?=[\s`'\"),.:;|]|$)",
    re.MULTILINE,
)


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert not end.value.code
    return capsys.readouterr().out


def test_the_help_groups_commands_by_use(capsys):
    text = help_of(capsys)
    places = [text.index(f"\n{title}:\n") for title in GROUPS]
    assert places == sorted(places)
    listed = re.findall(r"^  ([a-z][a-z-]+)  +[A-Z\"T]", text, re.MULTILINE)
    assert listed == [name for name in COMMAND.list_commands(None) if name != "work"]


def kind(annotation: Any) -> Any:
    """What a value is, whether or not one must be given; of a choice, text."""
    if get_origin(annotation) is Annotated:
        return kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (one for one in get_args(annotation) if one is not type(None))
        return kind(annotation)
    return str if get_origin(annotation) is Literal else annotation


def test_a_flag_has_one_type_and_one_meaning_everywhere():
    """The meaning: its help up to the first mark; what follows is said of the one command."""
    seen: dict[str, dict[tuple[Any, str], list[str]]] = {}
    for name, command in COMMANDS.items():
        hints = get_type_hints(command.callback, include_extras=True)
        for option in command.params:
            if not option.opts[0].startswith("-") or option.name == "help":
                continue
            meaning = re.split(r"[:;,.(]", option.help or "")[0].strip()
            assert meaning, f"{name} {option.opts[0]} has no help"
            for word in option.opts:
                said = seen.setdefault(word, {})
                said.setdefault((kind(hints[option.name]), meaning), []).append(name)
    differ = {word: said for word, said in seen.items() if len(said) > 1}
    assert not differ
    shared = {word for word, said in seen.items() if len(next(iter(said.values()))) > 1}
    assert {"--out", "--json", "--format", "--root", "--seeds", "--jobs", "--tables"} <= shared


def test_two_words_of_an_option_are_the_two_that_we_mean():
    """One name for a thing: only OpenMMLab's own spellings stand beside ours."""
    several = {
        frozenset(option.opts)
        for command in SHOWN.values()
        for option in command.params
        if len(option.opts) > 1
    }
    allowed = {("--out", "--work-dir"), ("--local_rank", "--local-rank")}
    assert several == {frozenset(pair) for pair in allowed}


@pytest.mark.parametrize("name", SHOWN)
def test_help_teaches_with_examples_that_parse(name, capsys):
    text = help_of(capsys, *name.split())
    assert "\n  " in text.partition("Options:")[0], "no word on what it does"
    found = examples(text.partition("Arguments:")[0].partition("Options:")[0])
    found = [line for line in found if len(line.split()) > 1]
    assert any(f"tricklift {name} " in f"{line} " for line in found), f"{name} has no example"
    for line in found:
        parse(line)


def test_examples_of_the_first_help_parse(capsys):
    found = examples(help_of(capsys).partition("Options:")[0])
    assert {parse(line) for line in found} >= {"demo", "prepare", "train", "compare"}


def test_a_wrong_line_does_not_parse():
    for line in ("tricklift rows", "tricklift run mini --launcher slurm", "tricklift export a"):
        with pytest.raises(Exception, match=r"such|Missing"):
            parse(line)


def texts(repo: Path) -> list[Path]:
    """What is tracked and says commands; results were written by the commands of their day."""
    listed = subprocess.run(["git", "ls-files"], cwd=repo, capture_output=True, text=True)
    endings = (".py", ".md", ".yaml", ".txt", ".toml", "Makefile")
    names = [name for name in listed.stdout.split() if name.endswith(endings)]
    return [repo / name for name in names if not name.startswith(("docs/results", "CHANGELOG"))]


def test_every_command_that_is_named_anywhere_exists(repo):
    """In backticks or quotes, in lines of code, behind `$(`: no text has an old spelling."""
    groups = {path.split()[0] for path in COMMANDS if " " in path}
    known = {path.split()[0] for path in COMMANDS}
    for file in texts(repo):
        if file.name == "test_commands.py":
            continue
        for found in NAMED.finditer(file.read_text(encoding="utf-8")):
            word, second = found.groups()
            line = found[0].strip()
            if line.startswith("tricklift ") and file.suffix == ".py" and word not in known:
                continue  # a sentence that wraps
            assert word in known, f"{file}: {line}"
            if word in groups and second:
                assert f"{word} {second}" in COMMANDS, f"{file}: {line}"


def test_old_spellings_are_answered(capsys):
    for words, answer in {
        ("rows",): "did you mean 'tricklift paper rows'?",
        ("backbones",): "did you mean 'tricklift list backbones'?",
        ("tricks",): "did you mean 'tricklift list tricks'?",
        ("fidelity",): "did you mean 'tricklift paper fidelity'?",
        ("list", "trick"): "did you mean 'tricklift list tricks'?",
        ("config", "cls/mini/x"): "there are show, path",
        ("run", "mini", "--job", "2"): "--jobs",
    }.items():
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 2
        assert answer in capsys.readouterr().err


def test_help_takes_under_0_4_seconds_and_no_heavy_library(tmp_path):
    """Processor time, the least of three: wall time is the machine's."""
    code = (
        "import resource, sys\nfrom tricklift.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "heavy = {'torch', 'mmengine', 'cv2', 'numpy', 'timm', 'rich', 'yaml', 'scipy'}\n"
        "print(used.ru_utime + used.ru_stime, *sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        time, *heavy = done.stderr.split()
        assert not heavy
        seconds.append(float(time))
    assert min(seconds) < 0.4, seconds


def test_the_script_that_mim_starts_is_the_command(repo):
    """`mim train tricklift -h` and `tricklift train -h` print the same."""
    for name in ("train", "test"):
        said = [
            subprocess.run(
                [sys.executable, *command, "-h"],
                capture_output=True, text=True, check=True, cwd=repo, env={**os.environ},
            ).stdout
            for command in ((f"tricklift/.mim/tools/{name}.py",), ("-m", "tricklift", name))
        ]  # fmt: skip
        assert said[0] == said[1]


def test_mim_hands_every_option_of_train_on():
    """Parsed by mim's own command: what it keeps for itself is `--launcher`, with our values."""
    from mim.commands.train import cli as mim

    options: list[str] = []
    ours = COMMANDS["train"].params
    for option in (one for one in ours if one.opts[0].startswith("--")):
        if option.name not in ("launcher", "help"):
            options += [option.opts[-1], *([] if option.is_flag else ["1"])]
    context = mim.make_context("train", ["tricklift", "config.py", *options])
    assert list(context.params["other_args"]) == options
    (launcher,) = (one for one in mim.params if one.name == "launcher")
    (mine,) = (one for one in ours if one.name == "launcher")
    assert set(launcher.type.choices) <= set(get_args(mine.type_descriptor.annotation))
