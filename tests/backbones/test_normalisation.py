"""Weights say how their images were normalised, and a model that does it otherwise is refused."""

import pytest
from mmdet.models import DetDataPreprocessor
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmseg.models import SegDataPreProcessor

from backbones.libraries import statistics
from backbones.normalisation import MEAN, STD, as_metadata, refuse_other

HALF = [127.5] * 3
PREPROCESSORS = [ImgDataPreprocessor, DetDataPreprocessor, SegDataPreProcessor]


@pytest.mark.parametrize("kind", PREPROCESSORS)
def test_the_same_statistics_pass(kind) -> None:
    ours = kind(mean=list(MEAN), std=list(STD), bgr_to_rgb=True)
    refuse_other(as_metadata(MEAN, STD), ours)
    refuse_other(as_metadata(*statistics("timm/resnet18d.ra2_in1k")), ours)  # 0.485 * 255, ...
    refuse_other(as_metadata(HALF, HALF), kind(mean=HALF, std=HALF, bgr_to_rgb=True))
    refuse_other({"architecture": "resnet18_b"}, ours)  # an older file says nothing
    refuse_other(as_metadata(HALF, HALF), BaseDataPreprocessor())  # what it does is not known


@pytest.mark.parametrize("kind", PREPROCESSORS)
def test_others_are_refused_with_the_line_to_set(kind) -> None:
    line = r"set model.data_preprocessor.mean=\[127.5,127.5,127.5\] "
    line += r"model.data_preprocessor.std=\[127.5,127.5,127.5\]"
    weights = {"source": "timm/x", **as_metadata(HALF, HALF)}
    with pytest.raises(ValueError, match=rf"timm/x was .* mean \[123.68,116.779,.*; {line}"):
        refuse_other(weights, kind(mean=list(MEAN), std=list(STD)))
    with pytest.raises(ValueError, match=r"mean \[127.5,.*; std \[58.393,57.12,57.375\]"):
        refuse_other(weights, kind(mean=HALF, std=list(STD)))
    with pytest.raises(ValueError, match=rf"mean none; std none\); {line}"):
        refuse_other(weights, kind())
    with pytest.raises(ValueError, match=r"mean \[103.939,116.779,123.68\]"):  # BGR
        refuse_other(as_metadata(MEAN, STD), kind(mean=list(MEAN[::-1]), std=list(STD)))


@pytest.mark.parametrize("kind", PREPROCESSORS)
def test_images_in_bgr_are_refused(kind) -> None:
    """Also where the means are the same for all channels, so that no number tells."""
    for mean, std in ((HALF, HALF), (list(MEAN), list(STD))):
        with pytest.raises(ValueError, match=r"trained on RGB.*set .*bgr_to_rgb=True"):
            refuse_other(as_metadata(mean, std), kind(mean=mean, std=std))


def test_what_a_library_says() -> None:
    assert statistics("timm/resnetv2_50.a1h_in1k") == (HALF, HALF)
    mean, std = statistics("torchvision/resnet18.IMAGENET1K_V1")
    assert mean == pytest.approx([123.675, 116.28, 103.53])
    assert std == pytest.approx([58.395, 57.12, 57.375])
    assert statistics("torchvision/resnet18") == (mean, std)
