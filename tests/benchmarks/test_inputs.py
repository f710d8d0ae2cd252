"""The input pipelines that are compared do the same work on the same files."""

import cv2
import numpy as np
import pytest

from benchmarks import inputs


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / inputs.SAMPLES
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        image = cv2.resize(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8), (300, 200))
        cv2.imwrite(str(folder / f"{number}.JPEG"), image)
    return tmp_path


@pytest.mark.slow
def test_all_pipelines_are_measured_on_both_sizes(root):
    findings = inputs.bench(root, lambda text: None, count=3, repetitions=1)
    assert len(findings) == 2 * (4 + 4) + 2 * 2  # sizes, jitters, peers; the limits
    assert all(finding.ours > 0 and finding.peer > 0 for finding in findings)
    targets = {finding.case: finding.target for finding in findings if finding.target}
    assert targets == {
        "470 x 390 px on average, paper's jitter, against torchvision reference": "at least 2.3 x",
        "470 x 390 px on average, paper's jitter, against timm": "at least 2 x",
        "1024 px and more, paper's jitter, against torchvision reference": "at least 4 x",
        "1024 px and more, paper's jitter, against timm": "at least 4 x",
    }
    limits = [finding.case for finding in findings if "limit" in finding.case]
    assert limits[0] == (
        "470 x 390 px on average, limit: decoding alone, against torchvision reference"
    )


def test_every_pipeline_gives_normalised_squares(root):
    path = inputs.sample_files(root)[0]
    _, strengths = inputs.JITTERS[inputs.PAPER]
    for load in (inputs.torchvision_reference(strengths), inputs.torchvision_v2(strengths)):
        image = load(path)
        assert image.shape == (3, inputs.SIZE, inputs.SIZE)
        assert str(image.dtype) == "torch.float32" and image.abs().max() < 3


def test_enlarged_photographs_have_the_short_side(root, tmp_path):
    (first, *_) = inputs.enlarged(inputs.sample_files(root), tmp_path)
    assert min(cv2.imread(str(first)).shape[:2]) == inputs.LARGE


def test_samples_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tricklift prepare imagenet-samples"):
        inputs.sample_files(tmp_path)
