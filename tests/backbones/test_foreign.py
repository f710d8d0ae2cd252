"""Other people's checkpoints: what is in them is loaded whole, and the rest is accounted for."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision

import backbones
from backbones.checkpoint import load_pretrained, pretrained
from backbones.files import read_any
from backbones.naming import library_naming

State = dict[str, torch.Tensor]


def numbered(state: State, first: int = 1) -> State:
    """Tensors of these shapes, each full of one number of its own; a file of them is small."""
    return {
        key: torch.tensor(first + number, dtype=value.dtype, device="cpu").expand(value.shape)
        for number, (key, value) in enumerate(state.items())
    }


@pytest.fixture(scope="module")
def theirs() -> State:
    with torch.device("meta"):
        return numbered(torchvision.models.resnet18(num_classes=10).state_dict())


def behind(prefix: str, state: State) -> State:
    return {prefix + key: value for key, value in state.items()}


def body(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def heads(*names: str) -> State:
    return {f"{name}.weight": torch.ones(2, 2) for name in names}


#: What it is -> ending, content made of the weights, container, prefix, what else is in it.
KINDS: dict[str, tuple[str, Callable[[State], Any], str, str, set[str]]] = {
    "torchvision's file": ("pth", lambda s: s, "", "", set()),
    "pytorch_model.bin": ("bin", lambda s: s, "", "", set()),
    "no head": ("pth", body, "", "", set()),
    "torchvision's references": (
        *("pth", lambda s: {"model": s, "epoch": 3, "args": argparse.Namespace(lr=0.1)}),
        *("model", "", {"epoch", "args"}),
    ),
    "examples/imagenet": (
        "pth.tar",
        lambda s: {"state_dict": behind("module.", s), "arch": "resnet18", "optimizer": {}},
        *("state_dict", "module.", {"arch", "optimizer"}),
    ),
    "an optimizer that holds tensors": (
        "pth",
        lambda s: {"net": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(2, 2)}}}},
        *("net", "", {"optimizer"}),
    ),
    "torch.compile": ("pth", lambda s: behind("_orig_mod.", s), "", "_orig_mod.", set()),
    "Lightning": (
        "ckpt",
        lambda s: {
            "state_dict": behind("model.", s) | heads("criterion", "train_acc"),
            "hyper_parameters": {"lr": 0.1},
        },
        *("state_dict", "model.", {"hyper_parameters", "criterion.weight", "train_acc.weight"}),
    ),
    "mmpretrain": (
        "pth",
        lambda s: {
            "meta": {"mmpretrain_version": "1.0"},
            "state_dict": behind("backbone.", body(s)) | heads("head.fc"),
        },
        *("state_dict", "backbone.", {"meta", "head.fc.weight"}),
    ),
    "mmdet": (
        "pth",
        lambda s: {
            "meta": {},
            "state_dict": behind("backbone.", body(s))
            | heads("neck.a", "rpn_head.b", "roi_head.c"),
        },
        *("state_dict", "backbone.", {"meta", "neck.a.weight", "rpn_head.b.weight"}),
    ),
    "nested prefixes": (
        "pth",
        lambda s: {
            "model": behind("_orig_mod.module.encoder.net.", body(s)) | heads("_orig_mod.module.fc")
        },
        *("model", "_orig_mod.module.encoder.net.", {"_orig_mod.module.fc.weight"}),
    ),
    "nested containers": (
        "pth",
        lambda s: {"ema": {"module": s, "decay": 0.9}},
        *("ema.module", "", set()),
    ),
    "MoCo's query encoder alone": (
        "pth",
        lambda s: {
            "state_dict": behind("module.encoder_q.", body(s))
            | heads("module.encoder_q.fc.0", "module.encoder_q.fc.2")
            | {"module.queue": torch.ones(3)}
        },
        *("state_dict", "module.encoder_q.", {"module.encoder_q.fc.0.weight", "module.queue"}),
    ),
    "no num_batches_tracked": (
        "pth",
        lambda s: {k: v for k, v in s.items() if "num_batches" not in k},
        *("", "", set()),
    ),
    "half precision": (
        "pth",
        lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()},
        *("", "", set()),
    ),
}


def saved(folder: Path, content: Any, ending: str = "pth") -> Path:
    file = folder / f"theirs.{ending}"
    torch.save(content, file)
    return file


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_really_out_there(kind: str, theirs: State, tmp_path: Path) -> None:
    ending, wrap, container, prefix, beside = KINDS[kind]
    file = saved(tmp_path, wrap(theirs), ending)
    loaded = pretrained("resnet18_b", file)
    for key, value in library_naming("resnet18_b", "torchvision").from_library(theirs).items():
        if key.startswith("fc.") and key not in loaded.state:
            continue
        counted = "num_batches" in key and kind == "no num_batches_tracked"
        given = loaded.state[key].to(value.dtype)
        assert torch.equal(given, torch.zeros_like(value) if counted else value), key
    read = json.loads(loaded.metadata["read"])
    assert (read.get("container", ""), read.get("prefix", "")) == (container, prefix)
    assert read["names"] == "torchvision"
    told = {*read.get("left_out", ()), *read.get("beside", ()), *read.get("not_taken", ())}
    assert beside <= told
    assert read.get("filled", 0) == (20 if kind == "no num_batches_tracked" else 0)
    for word in (container, prefix, *sorted(beside)[:2]):
        assert word in loaded.metadata["said"]
    # Every key of every state dict is in the account, and no key twice.
    for name, state in read_any(file).sets.items():
        if name != container:
            continue
        taken = {key for key in state if key.removeprefix(prefix) in theirs}
        left = set(read.get("left_out", ()))
        assert taken | left == set(state) and not taken & left


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet18_d", "timm"),
        ("resnet18_d", "mmdet"),
        ("resnet18_c", "mmdet"),
        ("preresnet18_b", "timm"),
        ("timm/mobilenetv1_100", "timm"),
        ("timm/efficientnet_b0", "timm"),
    ],
)
def test_names_of_all_libraries(name: str, words: str, tmp_path: Path) -> None:
    with torch.device("meta"):
        ours = backbones.build(name).state_dict()
    naming = library_naming(name, words)
    state = numbered(naming.to_library(ours))
    content = {"state_dict": behind("module.backbone.", state), "epoch": 3}
    found = pretrained(name, saved(tmp_path, content))
    assert json.loads(found.metadata["read"])["names"] == words
    expected = naming.from_library(state)
    assert found.state.keys() == expected.keys()
    assert all(torch.equal(found.state[key], value) for key, value in expected.items())


def both(first: str, second: str) -> Callable[[State, State], Any]:
    return lambda a, b: {first: a, second: b, "epoch": 5}


#: Files with two sets of the same weights -> how to name the first and the second.
TWO = {
    "timm": (both("state_dict", "state_dict_ema"), "state_dict", "state_dict_ema"),
    "references": (both("model", "model_ema"), "model", "model_ema"),
    "DINO": (
        lambda a, b: {
            "student": behind("module.backbone.", body(a)) | heads("module.head.mlp.0"),
            "teacher": behind("backbone.", body(b)) | heads("head.last_layer"),
        },
        *("student", "teacher"),
    ),
    "one dict": (
        lambda a, b: behind("student.backbone.", body(a)) | behind("teacher.backbone.", body(b)),
        *("student", "teacher.backbone"),
    ),
    "MoCo": (
        lambda a, b: {
            "state_dict": behind("module.encoder_q.", body(a))
            | behind("module.encoder_k.", body(b))
            | {"module.queue": torch.ones(3)}
        },
        *("encoder_q", "encoder_k"),
    ),
    "mmcls with EMA": (
        lambda a, b: {
            "meta": {},
            "state_dict": behind("backbone.", body(a))
            | {f"ema_backbone_{key.replace('.', '_')}": v for key, v in body(b).items()},
        },
        *("backbone", "ema_backbone"),
    ),
    "mmengine with EMA": (
        lambda a, b: {
            "meta": {},
            "state_dict": behind("backbone.", body(a)) | heads("head.fc"),
            "ema_state_dict": behind("module.backbone.", body(b))
            | heads("module.head.fc")
            | {"steps": torch.tensor(3)},
        },
        *("state_dict", "ema_state_dict"),
    ),
}


@pytest.mark.parametrize("kind", TWO)
def test_what_cannot_be_told_apart_is_asked_for(kind: str, theirs: State, tmp_path: Path) -> None:
    make, *labels = TWO[kind]
    others = numbered(theirs, first=1000)
    file = saved(tmp_path, make(theirs, others))
    with pytest.raises(ValueError, match=r"holds 2 sets of these weights: .*--weights-from"):
        pretrained("resnet18_b", file)
    for label, state in zip(labels, (theirs, others), strict=True):
        found = pretrained("resnet18_b", file, label)
        assert torch.equal(found.state["stem.conv1.weight"], state["conv1.weight"])
        (other,) = json.loads(found.metadata["read"])["not_taken"]
        assert other in found.metadata["said"]
    with pytest.raises(ValueError, match=r"'nope' is no set of weights in .*; it holds .*, "):
        pretrained("resnet18_b", file, "nope")


def test_they_land_in_the_network(theirs: State, tmp_path: Path) -> None:
    """In half precision too; the head, of 10 classes, stays as it was."""
    half = {k: v.half() if v.is_floating_point() else v for k, v in theirs.items()}
    model = backbones.build("resnet18_b")
    head = model.fc.weight.clone()
    load_pretrained(model, saved(tmp_path, {"model": half}))
    expected = library_naming("resnet18_b", "torchvision").from_library(theirs)
    for key, value in model.state_dict().items():
        assert torch.equal(value, head if key == "fc.weight" else expected[key]) or key == "fc.bias"


def test_a_key_that_nothing_accounts_for_is_refused(theirs: State, tmp_path: Path) -> None:
    """Squeeze-and-excitation of another network, whose `fc1` is no head."""
    more = {"layer1.0.se.fc1.weight": torch.ones(2, 2)}
    for content in (theirs | more, {"state_dict": behind("backbone.", theirs | more)}):
        with pytest.raises(ValueError, match=r"neither to it nor to a head \(1\): layer1.0.se.fc1"):
            pretrained("resnet18_b", saved(tmp_path, content))
    content = behind("backbone.", theirs) | {"extra.adapter.fc.weight": torch.ones(2, 2)}
    with pytest.raises(ValueError, match=r"\(1\): extra.adapter.fc.weight; give weights of"):
        pretrained("resnet18_b", saved(tmp_path, content))


def test_missing_weights_and_other_networks(theirs: State, tmp_path: Path) -> None:
    without = {key: value for key, value in theirs.items() if key != "layer2.0.conv1.weight"}
    with pytest.raises(ValueError, match=r"keys missing from it \(1\): stages.1.0.conv1.weight"):
        pretrained("resnet18_b", saved(tmp_path, {"model": without}))
    with pytest.raises(ValueError, match=r"does not fit the backbone 'resnet34_b'; keys missing"):
        pretrained("resnet34_b", saved(tmp_path, theirs))
    with pytest.raises(ValueError, match=r"no weights of 'timm/vgg19' in the names of timm \(its|"):
        pretrained("timm/mobilenetv1_100", saved(tmp_path, theirs))
    # Variants A and B have the same names and shapes: nothing in the file tells them apart.
    with pytest.raises(ValueError, match="mmdet calls variants A and B the same"):
        pretrained("resnet50_a", saved(tmp_path, theirs))


def test_a_file_that_says_what_it_holds_is_not_asked(exported) -> None:
    file = exported("resnet18_b", width=0.25)
    with pytest.raises(ValueError, match=r"--weights-from 'ema': .* says itself what it holds"):
        pretrained("resnet18_b", file, "ema", width=0.25)


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet10t"), tmp_path / "whole.pth")
    with pytest.raises(ValueError, match=r"refused to read .*Export it to safetensors"):
        read_any(tmp_path / "whole.pth")
