"""`tricklift config`: what it prints reads back as what a training runs."""

import json

import pytest
import yaml
from mmengine.config import Config

from tricklift.cli import main
from tricklift.train import build_config

NAME = "cls/mini/resnet18_d-tricks"
GIVEN = ("--tricks", "ema", "--backbone", "resnet18_d", "--cfg-options", "train_cfg.max_epochs=3")


def shown(capsys, *words: str) -> str:
    main_words = ["config", "show", *words]
    with pytest.raises(SystemExit) as end:
        main(main_words)
    assert not end.value.code
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def expected():
    """As a training builds it; tuples are lists in JSON."""
    options = {"train_cfg.max_epochs": 3}
    cfg = build_config(NAME, tricks=["ema"], backbone="resnet18_d", options=options)
    return cfg, json.loads(json.dumps(cfg.to_dict()))


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (("--json",), json.loads),
        (("--format", "json"), json.loads),
        (("--format", "yaml"), yaml.safe_load),
    ],
)
def test_json_and_yaml_read_back(words, read, expected, capsys):
    held = read(shown(capsys, NAME, *GIVEN, *words))
    assert held == expected[1]
    assert held["train_cfg"]["max_epochs"] == 3 and "ema" in held["tricks"]


def test_python_reads_back(expected, capsys, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(shown(capsys, NAME, *GIVEN))
    assert Config.fromfile(file).to_dict() == expected[0].to_dict()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["cls", "det", "seg"])
def test_every_config_is_shown_as_json(task, capsys):
    from tricklift.configs import short_names

    for name in (one for one in short_names() if one.startswith(task)):
        assert json.loads(shown(capsys, name, "--json"))["model"]


def test_an_unknown_name_has_the_closest(capsys):
    with pytest.raises(SystemExit) as end:
        main(["config", "path", "det/mini/faster_rcnn_fnp"])
    assert end.value.code == 2
    assert "did you mean 'det/mini/faster_rcnn_fpn'?" in capsys.readouterr().err
