"""Sets, heads and checkpoints of other classes are refused before the first step, in every run."""

import importlib.util
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner

import cls  # noqa: F401
import det  # noqa: F401
import seg  # noqa: F401
from tricklift.compat.class_checks import check_classes, heads
from tricklift.data.miniworld import CLASSES, SEG_CLASSES
from tricklift.records.data_identity import data_of
from tricklift.tricks import load

ONE = {
    f"{split}_dataloader.{key}": value
    for split in ("train", "val", "test")
    for key, value in {"num_workers": 0, "persistent_workers": False}.items()
}


@pytest.fixture
def runner(repo, tiny_root, tmp_path, monkeypatch):
    """Makes the Runner of a mini config with other settings, on a few pictures."""
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))

    def make(name: str, train_set: dict | None = None, **options) -> Runner:
        cfg = load(repo / f"configs/{name}.py")
        if train_set:
            cfg.train_dataloader.dataset = train_set
        cfg.merge_from_dict({**ONE, **options})
        cfg.work_dir = str(tmp_path / "work")
        return Runner.from_cfg(cfg)

    return make


DET = "model.roi_head.bbox_head.num_classes"
DECODE, AUXILIARY = "model.decode_head.num_classes", "model.auxiliary_head.num_classes"


@pytest.mark.parametrize(
    ("name", "key", "number", "wanted"),
    [
        ("cls/mini/resnet18_b-baseline", "model.num_classes", 13, 12),
        ("det/mini/faster_rcnn_fpn", DET, 11, 12),
        ("det/mini/faster_rcnn_c4", DET, 20, 12),
        ("seg/mini/fcn", DECODE, 30, 17),
        ("seg/mini/pspnet", AUXILIARY, 16, 17),
    ],
)
def test_a_head_of_another_size(runner, name, key, number, wanted):
    run = runner(name, **{key: number})
    message = (
        rf"the training set .* has {wanted} classes, but {key} is {number}; set {key}={wanted}"
    )
    with pytest.raises(ValueError, match=message):
        run.train()
    assert run.iter == 0
    if name == "seg/mini/fcn":
        with pytest.raises(ValueError, match=rf"the test set '.*' has {wanted} classes, but {key}"):
            runner(name, **{key: number}).test()


def stock(package: str, config: str) -> Config:
    """A config as OpenMMLab ships it."""
    spec = importlib.util.find_spec(package)
    init_default_scope(package)
    return Config.fromfile(Path(spec.origin).parent / ".mim/configs" / config)


@pytest.mark.parametrize(
    ("package", "config", "sizes"),
    [
        (
            "mmdet",
            "cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py",
            {f"model.roi_head.bbox_head.{i}.num_classes": 80 for i in range(3)},
        ),
        ("mmdet", "retinanet/retinanet_r50_fpn_1x_coco.py", {"model.bbox_head.num_classes": 80}),
        (
            "mmseg",
            "icnet/icnet_r50-d8_4xb2-80k_cityscapes-832x832.py",
            {DECODE: 19, **{f"model.auxiliary_head.{i}.num_classes": 19 for i in range(2)}},
        ),
        (
            "mmseg",  # its third auxiliary head has two classes of its own: border or not
            "stdc/stdc1_4xb12-80k_cityscapes-512x1024.py",
            {DECODE: 19, **{f"model.auxiliary_head.{i}.num_classes": 19 for i in range(2)}},
        ),
    ],
)
def test_all_heads_of_stock_models(package, config, sizes):
    model = stock(package, config).model
    (model.backbone.get("backbone_cfg") or model.backbone).pop("init_cfg", None)
    found = heads(MODELS.build(model))
    assert found == sizes
    classes = ["c"] * next(iter(sizes.values()))
    check_classes({"one": classes}, found)
    for key in found:
        with pytest.raises(ValueError, match=f"one has {len(classes)} classes, but {key} is 7"):
            check_classes({"one": classes}, {**found, key: 7})


@pytest.mark.parametrize(
    ("name", "classes"),
    [("det/mini/faster_rcnn_fpn", CLASSES), ("seg/mini/fcn", SEG_CLASSES)],
)
def test_validation_classes_in_another_order(runner, name, classes):
    key = "val_dataloader.dataset.metainfo"
    run = runner(name, **{key: {"classes": classes[::-1]}})
    with pytest.raises(
        ValueError, match=r"the validation set .* than the training set .*names in another order\)"
    ):
        run.train()


def test_stock_sets_with_a_string_for_classes(tmp_path):
    for scope, kind in (("mmdet", "CocoDataset"), ("mmseg", "BaseSegDataset")):
        init_default_scope(scope)
        with pytest.raises(ValueError, match=rf"{kind}: metainfo.classes is the string 'car', who"):
            DATASETS.build(dict(type=kind, metainfo=dict(classes="car"), lazy_init=True))
    file = tmp_path / "classes.txt"
    file.write_text("car\nbus\n")
    data = DATASETS.build(
        dict(type=kind, metainfo=dict(classes=str(file)), lazy_init=True, data_root=str(tmp_path))
    )
    assert data.metainfo["classes"] == ["car", "bus"]


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[::-1]])
def test_parts_of_a_concatenation_that_differ_in_something(runner, tiny_root, classes):
    """mmdet then gives a list in the place of one description; VOC07+12 in stock configs does."""
    part = dict(
        type="CheckedXMLDataset",
        data_root=str(tiny_root / "miniworld/VOCdevkit/VOC2007"),
        ann_file="ImageSets/Main/trainval.txt",
        data_prefix=dict(sub_data_root=""),
        metainfo=dict(classes=CLASSES, dataset_type="one"),
    )
    other = {**part, "metainfo": dict(classes=classes, dataset_type="two")}
    both = dict(type="ConcatDataset", datasets=[part, other])
    run = runner("det/mini/faster_rcnn_fpn", both)
    if classes != CLASSES:
        with pytest.raises(ValueError, match=r"part 1 of the training set .* in another order"):
            run.train()
        return
    run._train_loop = run.build_train_loop(run._train_loop)
    assert isinstance(run.train_dataloader.dataset.metainfo, list)
    run.call_hook("before_run")
    assert data_of(run)["classes"]["count"] == 12
    meta = {"dataset_meta": run.train_dataloader.dataset.metainfo}
    run._resume = True
    run.call_hook(
        "after_load_checkpoint", checkpoint={"meta": meta, "state_dict": run.model.state_dict()}
    )


def tiny(repo, folder: Path, **loaders: str) -> Runner:
    """A classifier of three classes, one epoch on folders of pictures."""
    cfg = load(repo / "configs/cls/mini/resnet18_b-baseline.py")
    sizes = {"model.num_classes": 3, "model.backbone.width": 0.125, "train_cfg.max_epochs": 1}
    cfg.merge_from_dict({**ONE, **sizes, "train_dataloader.batch_size": 6})
    for key, split in {"train": "train", "val": "val", "test": "val", **loaders}.items():
        cfg[f"{key}_dataloader"].dataset.update(data_root=str(folder / split), num_classes=None)
    cfg.work_dir = str(folder / "work")
    return Runner.from_cfg(cfg)


@pytest.fixture
def folders(tiny_root, tmp_path):
    """Three of MiniWorld's classes."""
    for split in ("train", "val"):
        for name in CLASSES[:3]:
            shutil.copytree(
                tiny_root / "miniworld/imagenet" / split / name, tmp_path / split / name
            )
    return tmp_path


def test_another_class_in_validation(repo, folders):
    (folders / "val" / CLASSES[0]).rename(folders / "val/bear")
    with pytest.raises(
        ValueError,
        match=r"the validation set '.*/val' has other classes than the training set '.*/train' "
        rf"\(only here: bear; missing here: {CLASSES[0]}\); a label is a place",
    ):
        tiny(repo, folders).train()


def test_a_test_set_of_other_classes_than_the_checkpoints(repo, folders):
    tiny(repo, folders).train()
    file = str((folders / "work/epoch_1.pth").rename(folders / "learnt.pth"))
    run = tiny(repo, folders)
    run._load_from = file
    run.test()
    shutil.copytree(folders / "val", folders / "test")
    (folders / "test" / CLASSES[0]).rename(folders / "test/bear")
    run = tiny(repo, folders, test="test")
    run._load_from = file
    with pytest.raises(
        ValueError,
        match=r"test set '.*/test' has other classes than the training set of the checkpoint "
        rf"\(only here: bear; missing here: {CLASSES[0]}\)",
    ):
        run.test()
    # another start for a training is no fault, and going on with it is one
    for split in ("train", "val"):
        (folders / split / CLASSES[0]).rename(folders / split / "bear")
    (folders / "work/result.json").unlink()
    run = tiny(repo, folders)
    run._load_from = file
    run.train()
    run = tiny(repo, folders)
    run._load_from, run._resume = file, True
    with pytest.raises(ValueError, match=r"training set .* than the training set of the check"):
        run.train()


def test_many_names():
    many = [f"c{i}" for i in range(9)]
    with pytest.raises(ValueError, match=r"only here: c2, c3, c4, c5, c6 and 2 more\)"):
        check_classes({"one": many[:2], "two": many}, {})
    check_classes({}, {"model.num_classes": 3})
