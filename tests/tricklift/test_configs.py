"""Configs found by name; keys of `--cfg-options` checked."""

import pytest
from mmengine.config import Config

from tricklift import configs


@pytest.fixture
def cfg() -> Config:
    return Config(
        {
            "model": {"backbone": {"name": "resnet18_b"}, "num_classes": 10, "neck": None},
            "train_cfg": {"max_epochs": 3},
            "custom_hooks": [{"type": "ResultHook"}, {"type": "EMAHook", "momentum": 0.1}],
        }
    )


def test_short_names_are_leaves_and_resolve():
    names = configs.short_names()
    assert "cls/mini/resnet18_b-baseline" in names
    assert not any(name.startswith("_base_") for name in names)
    for name in names:
        assert configs.short_name(configs.find_config(name)) == name


@pytest.mark.parametrize(
    "reference",
    [
        "cls/mini/resnet18_d-tricks",
        "cls/mini/resnet18_d-tricks.py",
        "configs/cls/mini/resnet18_d-tricks.py",
        "./configs/cls/mini/resnet18_d-tricks.py",
    ],
)
def test_the_usual_ways_to_name_a_config_work_anywhere(reference, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configs.find_config(reference).is_file()


def test_a_file_of_the_user_comes_first(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("x = 1\n")
    assert configs.find_config(file) == file
    assert configs.short_name(file) is None


def test_unknown_config_with_the_closest():
    with pytest.raises(ValueError, match=r"no config 'det/mini/faster_rcn_fpn'.*did you mean"):
        configs.find_config("det/mini/faster_rcn_fpn")


def test_options_are_read_as_openmmlab_reads_them():
    given = ["a.b=1", "c=0.5", "d=[1,2]", "e=None", "f=(a,b)", "g=text=x", "h=True"]
    assert configs.parse_options(given) == {
        "a.b": 1, "c": 0.5, "d": [1, 2], "e": None, "f": ("a", "b"), "g": "text=x", "h": True,
    }  # fmt: skip
    assert configs.parse_options([]) == {}


@pytest.mark.parametrize("pair", ["model", "=3", ""])
def test_an_option_without_a_value(pair):
    with pytest.raises(ValueError, match=r"--cfg-options takes KEY=VALUE, got"):
        configs.parse_options([pair])


def test_known_keys_are_merged(cfg):
    options = {
        "model.num_classes": 5,
        "custom_hooks.1.momentum": 0.2,
        "model.backbone.width": 0.5,  # the network knows its options
        "+model.head": {"type": "X"},
        "auto_scale_lr": {"enable": True},  # Runner takes it
        "model.backbone._delete_": True,
    }
    configs.merge_options(cfg, options)
    assert cfg.model.num_classes == 5
    assert cfg.custom_hooks[1].momentum == 0.2
    assert cfg.model.backbone == {"width": 0.5}
    assert cfg.model.head.type == "X"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("model.num_clases", r"unknown config key 'model.num_clases'.*did you mean 'num_classes'"),
        ("modle.num_classes", r"unknown config key.*this config has .*did you mean 'model'"),
        ("train_cfg.max_epoch", r"write \+train_cfg.max_epoch=\.\.\."),
        ("custom_hooks.2.momentum", r"'custom_hooks' is a list of 2; name an entry by its index"),
        ("custom_hooks.x", r"'custom_hooks' is a list of 2"),
        ("model.num_classes.x", r"'model.num_classes' is 10 and has no keys below it"),
        ("model.neck.x", r"'model.neck' is None and has no keys"),
        ("model.backbne.width", r"did you mean 'backbone'"),
    ],
)
def test_misspelt_keys_are_refused(cfg, key, message):
    with pytest.raises(ValueError, match=message):
        configs.merge_options(cfg, {key: 1})


def test_runner_keys_must_be_spelt_right_too(cfg):
    with pytest.raises(ValueError, match="unknown config key 'auto_scale_l'"):
        configs.merge_options(cfg, {"auto_scale_l": 1})
