"""Keys of `--cfg-options` and arguments of parts, all checked."""

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import Runner

import cls  # noqa: F401  (registers the parts)
from tricklift import config_keys
from tricklift.errors import UserError


@pytest.fixture
def cfg() -> Config:
    return Config(
        {
            "model": {"backbone": {"name": "resnet18_b"}, "num_classes": 10, "neck": None},
            "train_cfg": {"max_epochs": 3},
            "custom_hooks": [{"type": "ResultHook"}, {"type": "EMAHook", "momentum": 0.1}],
        }
    )


def test_options_are_read_as_openmmlab_reads_them():
    given = ["a.b=1", "c=0.5", "d=[1,2]", "e=None", "f=(a,b)", "g=text=x", "h=True"]
    assert config_keys.parse_options(given) == {
        "a.b": 1, "c": 0.5, "d": [1, 2], "e": None, "f": ("a", "b"), "g": "text=x", "h": True,
    }  # fmt: skip
    assert config_keys.parse_options([]) == {}
    quoted = ["row='+ cosine, twice'", 'a.b="x y"', "c=['x','y']"]
    assert config_keys.parse_options(quoted) == {
        "row": "+ cosine, twice",
        "a.b": "x y",
        "c": ["x", "y"],
    }


@pytest.mark.parametrize("pair", ["model", "=3", ""])
def test_an_option_without_a_value(pair):
    with pytest.raises(ValueError, match=r"--cfg-options takes KEY=VALUE, got"):
        config_keys.parse_options([pair])


def test_known_keys_are_merged(cfg):
    options = {
        "model.num_classes": 5,
        "custom_hooks.1.momentum": 0.2,
        "model.backbone.width": 0.5,  # the network knows its options
        "+model.head": {"type": "X"},
        "auto_scale_lr": {"enable": True},  # Runner takes it
        "model.backbone._delete_": True,
    }
    config_keys.merge_options(cfg, options)
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
        ("auto_scale_lr.enabel", r"no 'auto_scale_lr', so .* write \+auto_scale_lr.enabel=\.\.\."),
        ("randomness.seed.x", r"this config has no 'randomness'"),
        ("auto_scale_l", r"unknown config key 'auto_scale_l'.*did you mean 'auto_scale_lr'"),
        ("self", r"unknown config key 'self'"),
        ("cfg", r"unknown config key 'cfg'"),
        ("cfg.modle.x", r"unknown config key 'cfg.modle.x': this config has"),
    ],
)
def test_misspelt_keys_are_refused(cfg, key, message):
    with pytest.raises(ValueError, match=message):
        config_keys.merge_options(cfg, {key: 1})


def test_a_refused_key_can_be_added_on_purpose(cfg):
    config_keys.merge_options(cfg, {"+auto_scale_lr.base_batch_size": 8})
    config_keys.merge_options(cfg, {"auto_scale_lr.base_batch_size": 16})  # now it is there
    assert cfg.auto_scale_lr == {"base_batch_size": 16}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model.label_smoothing": {"epss": 0.1}}, "'model.label_smoothing.epss': smooth_targets"),
        ({"model.num_clases": 3}, "'model.num_clases': ImageClassifier takes no 'num_clases'"),
        ({"default_hooks.logger.intervall": 1}, "'default_hooks.logger.intervall': LoggerHook"),
    ],
)
def test_a_part_that_does_not_take_a_key_is_named(repo, tmp_path, change, message):
    cfg = Config.fromfile(repo / "configs/cls/mini/resnet18_b-baseline.py")
    cfg.merge_from_dict({**change, "work_dir": str(tmp_path), "log_level": "ERROR"})
    cfg.model.backbone.width = 0.125
    with (
        pytest.raises(ValueError, match=f"unknown config key {message}.* check its spelling"),
        config_keys.named_by_config(cfg),
    ):
        Runner.from_cfg(cfg)


def test_an_entry_of_a_list_is_named(repo):
    cfg = Config({"parts": [{"type": "ReLU"}, {"type": "ReLU", "inplac": True}]})
    with (
        pytest.raises(ValueError, match=r"'parts\.1\.inplac': \S+ takes no 'inplac'"),
        config_keys.named_by_config(cfg),
    ):
        MODELS.build(cfg.parts)


def test_errors_that_are_not_the_configs_stay_what_they_are(cfg):
    def own(a: int) -> int:
        return a

    with pytest.raises(TypeError, match="num_classes"), config_keys.named_by_config(cfg):
        own(num_classes=3)  # nothing is built
    with pytest.raises(TypeError, match="colour"), config_keys.named_by_config(cfg):
        MODELS.build({"type": "ReLU", "colour": 1})  # the config has no such key
    with pytest.raises(TypeError, match="has no len"), config_keys.named_by_config(cfg):
        len(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model.type": "ImageClasifier"}, "did you mean 'ImageClassifier'"),
        ({"custom_hooks.0.type": "ResultHok"}, "did you mean 'ResultHook'"),
    ],
)
def test_a_type_that_nothing_registers_is_named(repo, tmp_path, change, words):
    cfg = Config.fromfile(repo / "configs/cls/mini/resnet18_b-baseline.py")
    changed = {**change, "work_dir": str(tmp_path), "log_level": "ERROR"}
    cfg.merge_from_dict({**changed, "model.backbone.width": 0.125})
    with (
        pytest.raises(UserError, match=rf"{words}.*custom_imports of this config is \['cls'"),
        config_keys.named_by_config(cfg),
    ):
        Runner.from_cfg(cfg)


def test_a_key_error_of_code_is_not_a_type(cfg):
    with pytest.raises(KeyError) as caught, config_keys.named_by_config(cfg):
        raise KeyError("X is not in the Y registry")
    assert not isinstance(caught.value, UserError)
