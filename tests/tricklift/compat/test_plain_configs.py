import inspect
import json
import re

import pytest
from mmengine.registry import DATASETS, HOOKS, METRICS, VISBACKENDS, VISUALIZERS

from tricklift.compat import plain_configs
from tricklift.errors import UserError
from tricklift.records.identity import config_hash
from tricklift.train import build_config
from tricklift.tricks import use

LEAVES = ("cls/mini/resnet18_d-tricks", "det/mini/faster_rcnn_fpn", "seg/mini/fcn")


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_resolved_config_reads_back_as_the_same_run(leaf, tmp_path):
    resolved = build_config(leaf)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(resolved.to_dict()))
    read = build_config(file)
    assert config_hash(read) == config_hash(resolved)
    assert read.work_dir == "work_dirs/mine"  # not that of whoever wrote the file


def test_changes_are_laid_over_a_provided_config(tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text(f"_base_: {LEAVES[2]}\nrow: mine\ntrain_dataloader: {{batch_size: 2}}\n")
    cfg = build_config(file)
    base = build_config(LEAVES[2])
    assert (cfg.row, cfg.train_dataloader.batch_size) == ("mine", 2)
    assert cfg.train_dataloader.dataset == base.train_dataloader.dataset


def test_its_tricks_are_laid_as_those_of_a_python_config(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"_base_": "cls/mini/resnet18_b-baseline", "tricks": ["ema"]}))
    cfg = build_config(file)
    assert cfg.tricks == ["ema"] and "EMAHook" in str(cfg.custom_hooks)


def test_every_part_of_provided_configs_may_be_named():
    """Of all tasks and tricks; the leaves of the large tiers are of the same parts."""
    from tricklift.configs import find_config, short_names
    from tricklift.tricks import load

    leaves = [name for name in short_names() if "/mini/" in name or name.endswith("/fcn")]
    assert len(leaves) > 5
    for name in leaves:
        held = json.loads(json.dumps(load(find_config(name)).to_dict()))
        assert list(plain_configs.faults(held)) == [], name


def test_no_allowed_part_writes_by_a_parameter_that_is_not_refused():
    """Parameters that sound like places: each is refused, or known to be read alone."""
    import cls  # noqa: F401
    import seg  # noqa: F401

    reads = {"ann_subdir", "img_subdir", "checked_files", "prefix", "fig_save_cfg", "vis_backends"}
    reads |= {
        "ann_file",
        "data_prefix",
        "proposal_file",
        "file_list",
        "sub_data_root",
        "seg_map_path",
    }
    flags = {"save_best", "save_last", "save_begin", "save_optimizer", "save_param_scheduler"}
    flags |= {"out_channels", "out_indices", "by_epoch", "with_path", "out_suffix"}
    flags |= {"keep_outputs", "output_size", "outputs", "dropout_ratio", "published_keys"}
    looked, found = 0, set()
    for registry in (DATASETS, HOOKS, METRICS, VISBACKENDS, VISUALIZERS):
        for name in plain_configs.TYPES:
            part = next(
                (r.module_dict[name] for r in _with_children(registry) if name in r.module_dict),
                None,
            )
            if part is None:
                continue
            looked += 1
            for kind in part.__mro__[:-1]:
                given = (
                    inspect.signature(kind.__init__).parameters if "__init__" in vars(kind) else {}
                )
                found |= {
                    key
                    for key in given
                    if re.search(r"dir$|file|path|^out|save|prefix|backend|client", key)
                }
    assert looked > 20
    assert found - plain_configs.WRITES - reads - flags == set()


def _with_children(registry):
    return (registry, *registry.children.values())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("default_hooks.checkpoint.filename_tmpl", "../../other.txt"),
        ("model.backbone.checkpoint", "timm/resnet18d.ra2_in1k"),
        ("model.distillation.teacher.checkpoint", "torchvision/resnet50"),
    ],
)
def test_data_say_neither_what_is_written_nor_what_is_fetched(place, value):
    held: object = value
    for key in reversed(place.split(".")):
        held = {key: held}
    ((where, said),) = plain_configs.faults(held)
    assert where == place and "command line" in said


@pytest.mark.parametrize("suffix", [".json", ".YAML"])
def test_a_fault_says_its_place(tmp_path, suffix):
    file = tmp_path / f"mine{suffix}"
    file.write_text(json.dumps({"custom_hooks": [{"type": "EMAHok"}]}))
    with pytest.raises(
        UserError, match=r"custom_hooks\[0\].type: 'EMAHok'.*did you mean 'EMAHook'"
    ):
        plain_configs.read(file, use)
