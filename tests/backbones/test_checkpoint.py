"""Loading pretrained weights: everything lands, or an error lists what does not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import backbones
from backbones import checkpoint
from backbones.checkpoint import load_pretrained, pretrained

OPTIONS = {"width": 0.25}


def body(state: dict) -> dict:
    return {k: v for k, v in state.items() if not k.startswith("fc.")}


def assert_loaded(model: torch.nn.Module, expected: dict) -> None:
    state = model.state_dict()
    for key, value in body(expected).items():
        assert torch.equal(state[key], value), key


def rewrite(path: Path, change, **metadata: str) -> Path:
    """The file with other keys."""
    old = checkpoint.read(path)
    new = path.with_name("changed.safetensors")
    checkpoint.save(new, change(old.state), {**old.metadata, **metadata})
    return new


def test_a_head_that_is_left_out_is_told(exported, recwarn) -> None:
    path = exported("resnet18_d", num_classes=5, **OPTIONS)
    backbones.build("resnet18_d", 5, checkpoint=path, **OPTIONS)
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"head of 5 classes, and 1000 .* num_classes=5") as told:
        model = backbones.build("resnet18_d", 1000, checkpoint=path, **OPTIONS)
    assert model.fc.out_features == 1000 and told[0].filename == __file__
    bare = rewrite(path, body)
    with pytest.warns(UserWarning, match="holds no head"):
        backbones.build("resnet18_d", 5, checkpoint=bare, **OPTIONS)


def test_every_weight_lands_and_the_head_where_it_fits(exported) -> None:
    path = exported("resnet18_d", num_classes=5, **OPTIONS)
    state = load_file(path)
    same = backbones.build("resnet18_d", 5, **OPTIONS)
    loaded = load_pretrained(same, path)
    assert_loaded(same, state)
    assert torch.equal(same.fc.weight, state["fc.weight"])
    assert loaded.metadata["row"] == "B-baseline"
    other = backbones.build("resnet18_d", 9, **OPTIONS)
    head = other.fc.weight.clone()
    load_pretrained(other, path)
    assert_loaded(other, state)
    assert torch.equal(other.fc.weight, head)


def test_a_dilated_network_takes_the_same_weights(exported) -> None:
    path = exported("resnet18_d", **OPTIONS)
    model = backbones.build("resnet18_d", 5, output_stride=8, **OPTIONS)
    load_pretrained(model, path)
    assert_loaded(model, load_file(path))


def test_a_checkpoint_of_the_cls_stage_loads(trained) -> None:
    model = backbones.build("resnet18_d", 10, **OPTIONS)
    load_pretrained(model, trained["plain"]["path"])
    assert_loaded(model, trained["plain"]["trained"])


def test_another_architecture_lists_the_keys(exported) -> None:
    path = exported("resnet50_d", **OPTIONS)
    model = backbones.build("resnet18_b", 5, **OPTIONS)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    message = (
        r"weights\.safetensors does not fit the backbone 'resnet18_b' with \{'width': 0\.25\}; "
        r"it holds 'resnet50_d'; keys in it that the backbone lacks \(210\): .*, \.\.\.; "
        r"keys of another shape \(\d+\): .*stem\.conv1\.weight \(8, 3, 3, 3\) instead of "
        r"\(16, 3, 7, 7\).*set the backbone's name and options"
    )
    for load in (
        lambda: load_pretrained(model, path),
        lambda: pretrained("resnet18_b", path, **OPTIONS),
    ):
        with pytest.raises(ValueError, match=message):
            load()
    for key, value in before.items():
        assert torch.equal(model.state_dict()[key], value), "nothing may be loaded by half"


def test_the_same_keys_in_another_variant_are_refused(exported) -> None:
    """A and B have the same keys and shapes, and different outputs."""
    path = exported("resnet50_a", **OPTIONS)
    with pytest.raises(
        ValueError, match=r"does not fit the backbone 'resnet50_b'.*'resnet50_a'; set"
    ):
        load_pretrained(backbones.build("resnet50_b", **OPTIONS), path)


def test_a_wrong_prefix_lists_the_keys(exported) -> None:
    path = exported("resnet18_d", **OPTIONS)
    wrong = rewrite(path, lambda state: {f"module.{k}": v for k, v in state.items()})
    message = (
        r"keys missing from it \(\d+\): stem\.conv1\.weight, .*"
        r"keys in it that the backbone lacks \(\d+\): module\."
    )
    for check in (load_pretrained, lambda m, ref: pretrained(m.name, ref, **m.options)):
        with pytest.raises(ValueError, match=message):
            check(backbones.build("resnet18_d", **OPTIONS), wrong)


def test_a_wrong_prefix_in_a_pth_lists_the_keys(trained, tmp_path: Path) -> None:
    content = torch.load(trained["plain"]["path"], weights_only=False)
    content["state_dict"] = {f"module.{k}": v for k, v in content["state_dict"].items()}
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"keys missing from it \(\d+\): stem\.conv1\.weight"):
        load_pretrained(backbones.build("resnet18_d", **OPTIONS), tmp_path / "a.pth")


def test_one_missing_key_is_named(exported) -> None:
    path = exported("resnet18_d", **OPTIONS)
    gone = "stages.2.1.norm2.running_var"
    less = rewrite(path, lambda state: {k: v for k, v in state.items() if k != gone})
    with pytest.raises(
        ValueError, match=r"keys missing from it \(1\): stages\.2\.1\.norm2\.running_var"
    ):
        load_pretrained(backbones.build("resnet18_d", **OPTIONS), less)


def test_another_width_lists_the_shapes(exported) -> None:
    path = exported("resnet18_d", **OPTIONS)
    with pytest.raises(
        ValueError, match=r"another shape.*stem\.conv1\.weight \(8, 3, 3, 3\) instead"
    ):
        pretrained("resnet18_d", path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no pretrained weights at gone\.safetensors"):
        pretrained("resnet18_d", "gone.safetensors")


def test_loading_leaves_the_random_state_alone(exported) -> None:
    path = exported("resnet18_d", **OPTIONS)
    model = backbones.build("resnet18_d", **OPTIONS)
    before = torch.get_rng_state()
    load_pretrained(model, path)
    assert torch.equal(torch.get_rng_state(), before)


def test_options_are_kept(exported) -> None:
    assert checkpoint.read(exported("resnet18_d", **OPTIONS)).options == OPTIONS
