"""The paper's classification recipes, stated here once more and from nothing of ours.

Source: arXiv:1812.01187. A test that takes `row` runs for every row of Tables 2 to 7, for the
pretraining of Tables 8 and 9, and for the teachers.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

import cls  # noqa: F401
from tricklift.paper.table_cells import resolved

IMAGENET = 1_281_167
PLACES365 = 1_803_460


@dataclass(frozen=True)
class Recipe:
    """What the paper says of a row (section in brackets)."""

    network: str
    batch: int = 256  # 2.1
    rate: float = 0.1
    epochs: int = 120
    warmup: int = 0  # 3.1: epochs
    cosine: bool = False  # 5.1
    zero_gamma: bool = False  # 3.1
    bias_decays: bool = True  # 3.1
    half: bool = False  # 3.2
    smoothing: float = 0.0  # 5.2
    mixup: float = 0.0  # 5.4
    teacher: str = ""  # 5.3
    pixels: int = 224
    short_side: int = 256
    images: int = IMAGENET
    classes: int = 1000


def rows() -> dict[str, Recipe]:
    """Config -> recipe."""
    a = Recipe("resnet50_a")
    big = replace(a, batch=1024, rate=0.4)
    ladder = {
        "resnet50_a-baseline": a,
        "resnet50_a-bs256-warmup": replace(a, warmup=5),
        "resnet50_a-bs256-zero_gamma": replace(a, warmup=5, zero_gamma=True),
        "resnet50_a-bs256-no_bias_decay": replace(a, warmup=5, zero_gamma=True, bias_decays=False),
        "resnet50_a-bs256-fp16": replace(
            a, warmup=5, zero_gamma=True, bias_decays=False, half=True
        ),
        "resnet50_a-bs1024-linear_scaling": big,
        "resnet50_a-bs1024-warmup": replace(big, warmup=5),
        "resnet50_a-bs1024-zero_gamma": replace(big, warmup=5, zero_gamma=True),
        "resnet50_a-bs1024-no_bias_decay": replace(
            big, warmup=5, zero_gamma=True, bias_decays=False
        ),
    }
    efficient = replace(big, warmup=5, zero_gamma=True, bias_decays=False, half=True)
    found = {**ladder, "resnet50_b-standard": replace(a, network="resnet50_b")}
    for variant in "abc":
        found[f"resnet50_{variant}-efficient"] = replace(efficient, network=f"resnet50_{variant}")
    inception = replace(a, network="timm/inception_v3", pixels=299, short_side=342)
    mobilenet = replace(a, network="timm/mobilenetv1_100")
    found |= {"inception_v3-baseline": inception, "mobilenet_v1-baseline": mobilenet}
    d = replace(efficient, network="resnet50_d")
    tricks: dict[str, Any] = dict(batch=1024, rate=0.4, warmup=5, bias_decays=False, half=True)
    found |= refinements("resnet50_d", d)
    found |= refinements("inception_v3", replace(inception, **tricks))
    found |= refinements("mobilenet_v1", replace(mobilenet, **tricks))
    places: dict[str, Any] = dict(images=PLACES365, classes=365)
    best = replace(found["resnet50_d-mixup-distill"], teacher="resnet152_d-places365-mixup")
    found["resnet50_d-places365-efficient"] = replace(d, **places)
    found["resnet50_d-places365-best"] = replace(best, **places)
    for name in ("smooth", "mixup"):
        found[f"resnet152_d-{name}"] = replace(found[f"resnet50_d-{name}"], network="resnet152_d")
    found["resnet152_d-places365-mixup"] = replace(found["resnet152_d-mixup"], **places)
    return {f"cls/full/{name}": recipe for name, recipe in found.items()}


def refinements(prefix: str, efficient: Recipe) -> dict[str, Recipe]:
    """Table 6: each row adds to the row above, but mixup takes distillation away and back."""
    cosine = replace(efficient, cosine=True)
    smooth = replace(cosine, smoothing=0.1)
    mixup = replace(smooth, mixup=0.2, epochs=200)
    return {
        f"{prefix}-efficient": efficient,
        f"{prefix}-cosine": cosine,
        f"{prefix}-smooth": smooth,
        f"{prefix}-distill": replace(smooth, teacher="resnet152_d-smooth"),
        f"{prefix}-mixup": mixup,
        f"{prefix}-mixup-distill": replace(mixup, teacher="resnet152_d-mixup"),
    }


ROWS = rows()


@cache
def model_of(backbone: str, classes: int) -> Any:
    """A classifier with real weights, one for all rows that have the same network."""
    return MODELS.build(
        dict(type="ImageClassifier", backbone=json.loads(backbone), num_classes=classes)
    )


@dataclass(frozen=True)
class Row:
    """A row under test: its config's name, the paper's recipe, and what is built of it."""

    name: str
    recipe: Recipe

    @property
    def cfg(self) -> Config:
        return resolved(self.name)

    @property
    def model(self) -> Any:
        return model_of(json.dumps(self.cfg.model.backbone), self.cfg.model.num_classes)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize(
            "row", [Row(*item) for item in ROWS.items()], ids=[n.split("/")[-1] for n in ROWS]
        )


@pytest.fixture(scope="session")
def recipe_names() -> set[str]:
    """The configs that a recipe is stated for."""
    return set(ROWS)


@pytest.fixture(scope="session")
def config_of() -> Any:
    """Resolves a config by its short name."""
    return resolved
