"""How cost grows: the curves are all there, from real steps, and each is a picture."""

from dataclasses import asdict

import cv2
import numpy as np
import pytest

from benchmarks import growth, inputs


@pytest.fixture
def small(tmp_path, monkeypatch):
    folder = tmp_path / inputs.SAMPLES
    folder.mkdir()
    for number in range(2):
        image = np.random.default_rng(number).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.JPEG"), image)
    monkeypatch.setattr(growth, "ROUNDS", 1)
    monkeypatch.setattr(growth, "SIDES", (32, 64))
    monkeypatch.setattr(growth, "BATCHES", (2, 4))
    monkeypatch.setattr(growth, "BOXES", ())  # seconds a step: the slow test has them
    return tmp_path


def test_curves_and_their_pictures(small, tmp_path):
    findings = [asdict(finding) for finding in growth.bench(small, lambda text: None)]
    curves = {}
    for finding in findings:
        curves.setdefault((finding["case"], finding["unit"]), []).append(finding["at"])
    assert curves == {
        ("photographs to batches against workers", "images/s"): [1, 2],
        ("ResNet-18-D step, batch 16 against image side (px)", "images/s"): [32, 64],
        ("ResNet-18-D step, 64 px against batch", "images/s"): [2, 4],
        ("ResNet-18-D step, 64 px, kept for the backward pass against batch", "MB"): [2, 4],
    }
    held = [finding["ours"] for finding in findings if finding["unit"] == "MB"]
    assert held[1] > held[0]
    files = growth.plot(findings, tmp_path / "images")
    assert [file.name for file in files] == [f"growth-{number}.png" for number in range(1, 5)]
    assert all(cv2.imread(str(file)) is not None for file in files)


@pytest.mark.slow
def test_the_curve_of_boxes(small, monkeypatch):
    monkeypatch.setattr(growth, "BOXES", (1, 3))
    *_, first, last = growth.bench(small, lambda text: None)
    assert first.case == last.case == "Faster R-CNN step, 2 images against boxes in each image"
    assert (first.at, last.at, first.unit) == (1, 3, "s") and first.ours > 0
