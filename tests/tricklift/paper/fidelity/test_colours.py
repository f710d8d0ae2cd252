"""Red stays red: what reaches the networks of Tables 8 and 9 is RGB with the constants of RGB.

OpenMMLab reads images as BGR, and the base of mmdet's C4 detector leaves them so (its weights are
Caffe's). The pretrained networks have seen RGB, so pixels are followed here, not settings.
"""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

import det  # noqa: F401
import seg  # noqa: F401
from tricklift import configs

LEAVES = [name for name in configs.short_names() if name.startswith(("det/full/", "seg/full/"))]
# (255 - 123.68) / 58.393, (0 - 116.779) / 57.12 and (0 - 103.939) / 57.375: PyTorch's constants
# of ImageNet for red, green and blue, in 0..255.
RED = [2.24890, -2.04445, -1.81157]


@pytest.fixture(scope="module")
def red(tmp_path_factory) -> str:
    """A file of pure red."""
    path = tmp_path_factory.mktemp("red") / "red.png"
    image = np.zeros((40, 60, 3), np.uint8)
    image[..., 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(path), image)
    return str(path)


@pytest.mark.parametrize("leaf", LEAVES)
def test_red_is_the_first_channel(leaf, red, config_of):
    cfg = config_of(leaf)
    init_default_scope(cfg.default_scope)
    registry = __import__(f"{cfg.default_scope}.registry", fromlist=["MODELS"]).MODELS
    preprocessor = registry.build(dict(cfg.model.data_preprocessor))
    train = cfg.train_dataloader.dataset
    for part in (*train.get("datasets", [train]), cfg.val_dataloader.dataset):
        steps = [s for s in part.pipeline if s["type"].startswith(("LoadImage", "Resize", "Pack"))]
        item = Compose([dict(step) for step in steps])({"img_path": red, "img_id": 0})
        image = preprocessor(pseudo_collate([item]))["inputs"][0]
        assert torch.allclose(image[:, 20, 30], torch.tensor(RED), atol=1e-5)
