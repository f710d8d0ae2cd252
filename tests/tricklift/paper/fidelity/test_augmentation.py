"""What the images of every classification row go through: 10,000 draws, and known pixels.

Source: arXiv:1812.01187, section 2.1. Rows that set the same things share one measurement.
"""

import json
import math
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import MODELS, TRANSFORMS

DRAWS = 10_000
MEAN = np.array([123.68, 116.779, 103.939])
STD = np.array([58.393, 57.12, 57.375])
YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]]
)
PCA_VALUES = np.array([55.46, 4.794, 1.148])
PCA_VECTORS = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)


def transform(cfg: Any, kind: str, loader: str = "train_dataloader") -> Any:
    steps = cfg[loader].dataset.pipeline
    return TRANSFORMS.build(dict(next(step for step in steps if step["type"] == kind)))


def uniform(values: np.ndarray, low: float, high: float) -> None:
    """Bounds, mean and standard deviation of uniform numbers, to four standard errors."""
    spread = (high - low) / math.sqrt(12)
    assert low - 1e-3 <= values.min() < low + 0.01 * (high - low)
    assert high + 1e-3 >= values.max() > high - 0.01 * (high - low)
    assert values.mean() == pytest.approx((low + high) / 2, abs=4 * spread / math.sqrt(len(values)))
    assert values.std() == pytest.approx(spread, rel=0.03)


@cache
def crops(settings: str) -> tuple[np.ndarray, np.ndarray]:
    """Share of the area and aspect of 10,000 boxes in a square image."""
    np.random.seed(0)
    built = TRANSFORMS.build(json.loads(settings))
    side = 20_000
    boxes = np.array([built.box(side, side) for _ in range(DRAWS)], dtype=float)
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (left >= 0).all()
    assert (top + height <= side).all() and (left + width <= side).all()
    return height * width / side**2, width / height


def test_random_crop(row):
    steps = row.cfg.train_dataloader.dataset.pipeline
    kinds = [step["type"] for step in steps]
    assert kinds == ["DecodeRandomResizedCrop", "PackClassified"]
    assert steps[0].get("size") == row.recipe.pixels
    area, aspect = crops(json.dumps(dict(steps[0])))
    assert 0.0799 < area.min() < 0.09 and 0.99 < area.max() <= 1
    assert 0.7499 < aspect.min() < 0.76 and 1.32 < aspect.max() < 1.3335
    # A box of share s and aspect e^u fits into a square if s e^|u| <= 1; u is uniform.
    u = np.linspace(0, math.log(4 / 3), 10_001)
    most = np.exp(-u)
    weight, low = most - 0.08, 0.08
    mean = ((most**2 - low**2) / 2).mean() / weight.mean()
    square = ((most**3 - low**3) / 3).mean() / weight.mean()
    spread = math.sqrt(square - mean**2)
    assert area.mean() == pytest.approx(mean, abs=4 * spread / math.sqrt(DRAWS))
    assert area.std() == pytest.approx(spread, rel=0.03)
    log_spread = math.sqrt((u**2 * weight).mean() / weight.mean())
    assert np.log(aspect).mean() == pytest.approx(0, abs=4 * log_spread / math.sqrt(DRAWS))
    assert np.log(aspect).std() == pytest.approx(log_spread, rel=0.03)


@cache
def preprocessor(settings: str) -> Any:
    torch.manual_seed(0)
    return MODELS.build(json.loads(settings))


@cache
def training(settings: str, pixel: tuple[float, ...]) -> np.ndarray:
    """10,000 one-pixel images after the augmentation, as colours in 0..255."""
    images = (
        torch.tensor(pixel, dtype=torch.float64).float().view(1, 3, 1, 1).repeat(DRAWS, 1, 1, 1)
    )
    batch = {"inputs": images, "labels": torch.zeros(DRAWS, dtype=torch.long)}
    out = preprocessor(settings)(batch, training=True)["inputs"].flatten(1).double().numpy()
    return out * STD + MEAN


def settings_of(row: Any) -> str:
    return json.dumps(row.cfg.model.data_preprocessor)


def test_jitter_scales_brightness_saturation_and_turns_hue(row):
    colour = np.array([1e6, 2e5, 4e5])  # so large that PCA noise does not show
    found = training(settings_of(row), tuple(colour)) @ YIQ.T
    given = YIQ @ colour
    brightness = found[:, 0] / given[0]
    uniform(brightness, 0.6, 1.4)
    before, after = complex(*given[1:]), found[:, 1] + 1j * found[:, 2]
    uniform(abs(after) / abs(before) / brightness, 0.6, 1.4)  # saturation, and no contrast
    uniform(np.angle(after / before) / math.pi + 1, 0.6, 1.4)
    for one, other in ((brightness, abs(after) / brightness), (brightness, np.angle(after))):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.05, "drawn independently"


def test_pca_noise(row):
    noise = training(settings_of(row), (0.0, 0.0, 0.0))  # black stays black but for the noise
    drawn = np.linalg.solve(PCA_VECTORS, noise.T).T / PCA_VALUES
    for column in drawn.T:
        assert column.mean() == pytest.approx(0, abs=4 * 0.1 / math.sqrt(DRAWS))
        assert column.std() == pytest.approx(0.1, rel=0.03)
        assert 0.3 < abs(column).max() < 0.6, "normal, not bounded at 0.1"


@cache
def mirrored(settings: str) -> float:
    images = torch.tensor([0.0, 1e6]).expand(DRAWS, 3, 1, 2)
    batch = {"inputs": images, "labels": torch.zeros(DRAWS, dtype=torch.long)}
    out = preprocessor(settings)(batch, training=True)["inputs"]
    return (out[:, 0, 0, 0] > out[:, 0, 0, 1]).float().mean().item()


def test_half_of_the_images_are_mirrored(row):
    assert mirrored(settings_of(row)) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(DRAWS))


@cache
def validated(
    settings: str, pipeline: str, folder: str, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """What validation makes of an image of known pixels, and the same by hand."""
    # 2x2 blocks of one colour, a short side of twice the target: halving it is exact.
    rows, columns = np.mgrid[: side + 0, : side * 3 // 2]
    blocks = np.stack([rows % 256, columns % 256, 16 * (rows // 256) + columns // 256], axis=2)
    image = blocks.repeat(2, axis=0).repeat(2, axis=1).astype(np.uint8)
    path = f"{folder}/known.png"
    cv2.imwrite(path, image[..., ::-1])  # OpenCV writes BGR
    item = Compose(json.loads(pipeline))({"img_path": path, "gt_label": 3, "sample_idx": 0})
    assert item["labels"] == 3
    batch = {"inputs": item["inputs"][None], "labels": torch.tensor([3])}
    out = preprocessor(settings)(batch, training=False)["inputs"][0]
    return out.double().numpy(), (blocks - MEAN) / STD


def test_validation_geometry_and_normalisation(row, tmp_path_factory):
    pipeline = json.dumps(row.cfg.val_dataloader.dataset.pipeline)
    side, size = row.recipe.short_side, row.recipe.pixels
    folder = str(tmp_path_factory.getbasetemp())
    found, whole = validated(settings_of(row), pipeline, folder, side)
    top, left = (side - size) // 2, (side * 3 // 2 - size) // 2
    wanted = whole[top : top + size, left : left + size].transpose(2, 0, 1)
    assert found.shape == (3, size, size)
    assert np.abs(found - wanted).max() < 1e-5


@cache
def mixed(settings: str) -> tuple[np.ndarray, list[list[int]]]:
    """Lambda and partners of 10,000 batches of four images."""
    from cls.draws import Draws
    from cls.targets import draw_mixup

    torch.manual_seed(0)
    arguments = dict(json.loads(settings), count=4, device=torch.device("cpu"), draws=Draws())
    drawn = [draw_mixup(**arguments) for _ in range(DRAWS)]
    return np.array([float(weight) for weight, _ in drawn]), [order.tolist() for _, order in drawn]


def test_mixup_draws_one_lambda_a_batch_from_beta(row):
    if not row.recipe.mixup:
        assert row.cfg.model.get("mixup") is None
        return
    weights, orders = mixed(json.dumps(row.cfg.model.mixup))
    alpha = row.recipe.mixup
    variance = 1 / (4 * (2 * alpha + 1))
    assert ((weights >= 0) & (weights <= 1)).all()
    assert weights.mean() == pytest.approx(0.5, abs=4 * math.sqrt(variance / DRAWS))
    assert weights.var() == pytest.approx(variance, rel=0.03)
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
