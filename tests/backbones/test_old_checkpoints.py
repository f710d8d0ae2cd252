"""Checkpoints that do not say what they hold: it is read from their config's text."""

import json
from pathlib import Path

import torch

import backbones
from backbones.files import read
from backbones.old_checkpoints import literals

CONFIG = """
model = dict(
    type='ImageClassifier', num_classes=3, data_preprocessor=dict(type='ClsPreprocessor', {mean}),
    backbone=dict(name='resnet18_d', width=0.25))
row = 'D-tricks'
tricks = ['cosine']
benchmark = dict(task='cls', dataset='MiniWorld')
"""


def test_an_old_checkpoint_is_still_read(tmp_path: Path) -> None:
    network = backbones.build("resnet18_d", 3, width=0.25)
    state = {f"backbone.{key}": value for key, value in network.state_dict().items()}
    for mean, wanted in (("", [123.68, 116.779, 103.939]), ("mean=[127.5] * 3", None)):
        text = CONFIG.format(mean=mean.replace("[127.5] * 3", "[1, 2, 3]"))
        torch.save({"meta": {"cfg": text}, "state_dict": state}, tmp_path / "epoch_2.pth")
        held = read(tmp_path / "epoch_2.pth")
        assert held.metadata["architecture"] == "resnet18_d"
        assert held.options == {"width": 0.25}
        assert (held.metadata["row"], held.metadata["dataset"]) == ("D-tricks", "MiniWorld")
        assert json.loads(held.metadata["tricks"]) == ["cosine"]
        assert json.loads(held.metadata["mean"]) == (wanted or [1, 2, 3])
        assert json.loads(held.metadata["std"]) == [58.393, 57.12, 57.375]
        assert torch.equal(held.state["fc.weight"], network.fc.weight)


def test_the_config_is_parsed_and_not_executed(tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    text = f"""
open({str(mark)!r}, 'w')
a = open({str(mark)!r}, 'w')
model = dict(backbone=dict(name='resnet18_b', width=0.5), type='C', head=dict(), lrs=[1, (2, -3.5)])
more = {{'b': None, 'c': dict(d=True)}}
merged = dict(d=1, **more)
computed = 1 + len(more)
row = 'B-baseline'
"""
    values = literals(text)
    assert not mark.exists()
    assert set(values) == {"model", "more", "row"}
    assert values["model"]["backbone"] == {"name": "resnet18_b", "width": 0.5}
    assert values["model"]["lrs"] == [1, (2, -3.5)]
    assert values["more"] == {"b": None, "c": {"d": True}}
    assert literals("not = = python") == {}
