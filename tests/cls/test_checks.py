"""Sets whose labels mean different classes are refused before the first step."""

import shutil

import pytest
from mmengine.runner import Runner

from cls.checks import check_classes, check_tested_classes, compare
from tricklift.compat.safe_load import load_from_disk


@pytest.fixture
def folders(class_folders, tmp_path):
    """A copy of the tree for a test to change."""
    return shutil.copytree(class_folders, tmp_path / "classes")


@pytest.fixture
def runner(tiny_config, folders):
    """Makes the Runner of a run on `folders`."""

    def make(model_classes: int = 3, **loaders: str) -> Runner:
        cfg = tiny_config(epochs=1)
        cfg.model.num_classes = model_classes
        for key, split in {"train": "train", "val": "val", "test": "val", **loaders}.items():
            cfg[f"{key}_dataloader"].dataset.update(
                data_root=str(folders / split), num_classes=None
            )
        return Runner.from_cfg(cfg)

    return make


def test_the_same_classes_pass(runner):
    check_classes(runner())


def test_another_class_in_validation(runner, folders):
    (folders / "val/bee").rename(folders / "val/bear")
    with pytest.raises(
        ValueError,
        match=r"the validation set '.*/val' has other classes than the training set '.*/train' "
        r"\(only here: bear; missing here: bee\); labels follow the sorted names",
    ):
        check_classes(runner())


def test_fewer_classes_in_validation(runner, folders):
    shutil.rmtree(folders / "val/ant")
    with pytest.raises(
        ValueError, match=r"validation set .* than .* \(missing here: ant\); labels"
    ):
        check_classes(runner())


def test_a_model_of_another_size(runner):
    with pytest.raises(
        ValueError,
        match=r"training set '.*/train' has 3 classes, but model.num_classes is 2; set model.num_",
    ):
        check_classes(runner(model_classes=2))


def test_a_test_set_of_other_classes_than_the_checkpoints(runner, folders, tmp_path):
    run = runner()
    run.train()
    file = tmp_path / "work/epoch_1.pth"
    meta = load_from_disk(file)["meta"]
    check_tested_classes(run, file, meta)
    shutil.copytree(folders / "val", folders / "test")
    (folders / "test/bee").rename(folders / "test/bear")
    with pytest.raises(
        ValueError,
        match=r"the test set '.*/test' has other classes than the training set of .*epoch_1.pth "
        r"\(only here: bear; missing here: bee\)",
    ):
        check_tested_classes(runner(test="test"), file, meta)


def test_many_names_and_another_order():
    many = [f"c{i}" for i in range(9)]
    with pytest.raises(ValueError, match=r"only here: c2, c3, c4, c5, c6 and 2 more\)"):
        compare({"one": many[:2], "two": many}, 2)
    with pytest.raises(
        ValueError, match=r"two has other classes than one \(the same names in anot"
    ):
        compare({"one": ["a", "b"], "two": ["b", "a"]}, 2)


def test_sets_without_names_pass():
    compare({}, 3)
