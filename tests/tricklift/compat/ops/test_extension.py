"""The module `mmcv._ext` as a whole."""

import re
from pathlib import Path

import mmcv
import pytest
import torch
from mmcv import ops

from tricklift.compat.ops import extension
from tricklift.compat.ops.missing import MissingOpError


def names_that_mmcv_loads() -> set[str]:
    """Every op that some file of `mmcv/ops` asks for when it is imported."""
    pattern = re.compile(r"load_ext\(\s*'_ext',\s*\[([^\]]*)\]", re.DOTALL)
    sources = Path(mmcv.__file__).parent.joinpath("ops").glob("*.py")
    lists = [found for source in sources for found in pattern.findall(source.read_text())]
    return {name for part in lists for name in re.findall(r"'(\w+)'", part)}


def test_every_name_exists():
    import mmcv._ext as ext

    names = names_that_mmcv_loads()
    assert len(names) > 80
    assert set(extension.OPS) <= names  # nothing is served that nobody calls
    assert all(callable(getattr(ext, name)) for name in names)
    assert not hasattr(ext, "__path__")


def test_a_missing_op_says_so_when_called():
    import mmcv._ext as ext

    for name in names_that_mmcv_loads() - set(extension.OPS):
        with pytest.raises(MissingOpError, match=f"{name}.*install compiled mmcv"):
            getattr(ext, name)(1, two=2)


def test_a_missing_op_through_mmcv():
    boxes = torch.zeros(2, 5)
    with pytest.raises(NotImplementedError, match=r"box_iou_rotated.*install compiled mmcv"):
        ops.box_iou_rotated(boxes, boxes)


def test_the_environment_report_names_the_stand_in():
    assert "tricklift" in ops.get_compiler_version()
    assert ops.get_compiling_cuda_version() == "not available"
