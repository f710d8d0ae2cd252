"""Tricks of a user's own: a file, by its path, with the same refusals as ours."""

from pathlib import Path

import pytest
from laid import leaf_of

import cls  # noqa: F401  (registers the parts)
from tricklift.tricks import load

BASELINE = "configs/cls/mini/resnet18_b-baseline.py"


def trick(folder: Path, text: str, name: str = "mine") -> str:
    file = folder / f"{name}.py"
    file.write_text(f'"""Mine."""\n{text}\n')
    return str(file)


def test_it_changes_what_it_likes(repo: Path, tmp_path: Path):
    """Model, data, schedule, hooks; and what is laid behind it sees that."""
    name = trick(
        tmp_path,
        "model = dict(backbone=dict(init='kaiming'))\n"
        "train_dataloader = dict(batch_size=7)\n"
        "train_cfg = dict(max_epochs=2 * base.train_cfg.max_epochs)\n"
        "custom_hooks = [*base.get('custom_hooks', []), dict(type='MyHook')]\n"
        "imports = [__file__.replace('mine', 'my_hook')]\n",
    )
    plain, cfg = load(repo / BASELINE), load(repo / BASELINE, ["cosine", name])
    assert cfg.tricks == ["mine", "cosine"] and cfg.row == "B-baseline + mine + cosine"
    assert cfg.model.backbone.init == "kaiming" and cfg.train_dataloader.batch_size == 7
    assert cfg.train_cfg.max_epochs == 2 * plain.train_cfg.max_epochs
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs, "cosine follows"
    assert cfg.custom_hooks == [*plain.custom_hooks, dict(type="MyHook")]
    assert cfg.imports == [str(tmp_path / "my_hook.py")]
    assert not {"after", "tasks", "base"} & set(cfg.keys())


def test_it_may_be_laid_behind_another(repo: Path, tmp_path: Path):
    text = (
        "after = 'cosine'\nparam_scheduler = [{**s, 'eta_min': 0.1} for s in base.param_scheduler]"
    )
    cfg = load(repo / BASELINE, ["cosine", trick(tmp_path, text)])
    assert cfg.tricks == ["cosine", "mine"] and cfg.param_scheduler[-1].eta_min == 0.1
    with pytest.raises(ValueError, match=r"after = 'cosin' is no trick; .*did you mean 'cosine'"):
        load(repo / BASELINE, [trick(tmp_path, "after = 'cosin'")])


def test_in_a_config(repo: Path, tmp_path: Path):
    """By its place beside the config."""
    trick(tmp_path, "optim_wrapper = dict(optimizer=dict(momentum=0.5))")
    cfg = load(leaf_of(repo, tmp_path, "", "'cosine', '{{ fileDirname }}/mine.py'", ""))
    assert cfg.tricks == ["mine", "cosine"] and cfg.optim_wrapper.optimizer.momentum == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks = ('det',)", "trick 'mine' is for detection configs, but this one is for classif"),
        ("tasks = ('dte',)", r"tasks = \('dte',\); it takes some of \('cls', 'det', 'seg'\)"),
        ("tasks = [x]", "mine.py: tasks must be a plain value"),
        ("model = dict(num_classes=base.model.num_classes)", "trick 'mine' would change nothing"),
        ("x = base.nope.y", r"mine.py, line 2: AttributeError: .*nope.*a trick sees the config"),
        ("x = (", r"mine.py, line 2: '\(' was never closed; correct it"),
        (
            "model = dict(backbone=dict(name='resnet34_b'))",
            "tricks 'resnet_d' and 'mine' cannot be combined: both set model.backbone.name",
        ),
    ],
)
def test_the_same_refusals_as_for_ours(repo: Path, tmp_path: Path, text: str, message: str):
    name = trick(tmp_path, text)
    names = ["resnet_d", name] if "resnet34" in text else [name]
    with pytest.raises(ValueError, match=message):
        load(repo / BASELINE, names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gone.py"], r"no trick's file 'gone.py'; give a path, or a name of resnet_b"),
        (["{}/mixup.py"], "'mixup' is a trick of tricklift; take another name for yours"),
        (["{}/my-trick.py"], r"letters, digits and _ alone.*rename it, e.g. to my_trick.py"),
        (["{0}/mine.py", "{0}/mine.py"], "trick 'mine' is named 2 times"),
        (["mine"], r"unknown trick 'mine'; known: .*; yours is a file: write its path with .py"),
    ],
)
def test_names_that_cannot_be(repo: Path, tmp_path: Path, monkeypatch, names, message: str):
    monkeypatch.chdir(tmp_path)
    for name in ("mixup", "my-trick", "mine"):
        trick(tmp_path, "x = 1", name)
    with pytest.raises(ValueError, match=message):
        load(repo / BASELINE, [name.format(tmp_path) for name in names])
