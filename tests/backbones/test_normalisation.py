"""Weights say how their images were normalised, and a model that does it otherwise is refused."""

import json

import pytest
import torch
import torchvision
from mmdet.models import DetDataPreprocessor
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmseg.models import SegDataPreProcessor

from backbones.libraries import _in_layers, timm_statistics
from backbones.normalisation import MEAN, STD, noted, of_training, refuse_other

HALF = [127.5] * 3
PREPROCESSORS = [ImgDataPreprocessor, DetDataPreprocessor, SegDataPreProcessor]


@pytest.mark.parametrize("kind", PREPROCESSORS)
def test_the_same_statistics_pass(kind) -> None:
    ours = kind(mean=list(MEAN), std=list(STD), bgr_to_rgb=True)
    refuse_other(noted(MEAN, STD), ours)
    refuse_other(noted(*timm_statistics("timm/resnet18d.ra2_in1k")), ours)  # 0.485 * 255, ...
    refuse_other(noted(HALF, HALF), kind(mean=HALF, std=HALF))
    refuse_other({"architecture": "resnet18_b"}, ours)  # an older file says nothing
    refuse_other(noted(HALF, HALF), BaseDataPreprocessor())  # what it does is not known


@pytest.mark.parametrize("kind", PREPROCESSORS)
def test_others_are_refused_with_the_line_to_set(kind) -> None:
    line = r"set model.data_preprocessor.mean=\[127.5,127.5,127.5\] "
    line += r"model.data_preprocessor.std=\[127.5,127.5,127.5\]"
    weights = {"source": "timm/x", **noted(HALF, HALF)}
    with pytest.raises(ValueError, match=rf"timm/x was .* mean \[123.68,116.779,.*; {line}"):
        refuse_other(weights, kind(mean=list(MEAN), std=list(STD)))
    with pytest.raises(ValueError, match=r"mean \[127.5,.*; std \[58.393,57.12,57.375\]"):
        refuse_other(weights, kind(mean=HALF, std=list(STD)))
    with pytest.raises(ValueError, match=rf"mean none; std none\); {line}"):
        refuse_other(weights, kind())
    with pytest.raises(ValueError, match=r"mean \[103.939,116.779,123.68\]"):  # BGR
        refuse_other(noted(MEAN, STD), kind(mean=list(MEAN[::-1]), std=list(STD)))


def test_what_a_classifiers_config_says() -> None:
    assert of_training({"type": "ClsPreprocessor"}) == noted(MEAN, STD)
    assert of_training({"type": "ClsPreprocessor", "mean": HALF}) == noted(HALF, STD)
    assert of_training({"type": "Own", "mean": HALF, "std": HALF}) == noted(HALF, HALF)
    assert of_training({"type": "Own"}) == of_training(None) == {}
    assert json.loads(noted(MEAN, STD)["mean"]) == list(MEAN)


def test_what_a_library_says() -> None:
    assert timm_statistics("timm/resnetv2_50.a1h_in1k") == (HALF, HALF)
    network = torchvision.models.resnet18()
    mean, std = _in_layers("torchvision/resnet18.IMAGENET1K_V1", network)
    assert mean == pytest.approx([123.675, 116.28, 103.53])
    assert std == pytest.approx([58.395, 57.12, 57.375])
    assert _in_layers("torchvision/resnet18", network) == (mean, std)


def test_torchvisions_inception_normalises_within() -> None:
    """Its images are turned from ImageNet's statistics to 0.5 before the first layer."""
    with torch.device("meta"):
        network = torchvision.models.inception_v3(init_weights=False, transform_input=True)
    assert _in_layers("torchvision/inception_v3", network) == (HALF, HALF)
    recipe = torchvision.models.Inception_V3_Weights.DEFAULT.transforms()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (recipe.mean, recipe.std))
    grey = (torch.full((1, 3, 1, 1), 200 / 255) - mean) / std
    torch.testing.assert_close(
        network._transform_input(grey), torch.full((1, 3, 1, 1), (200 - 127.5) / 127.5)
    )
