"""The page about all backbones."""

from pathlib import Path

import backbones
from backbones.describe import describe
from tricklift.tables.backbone_page import OPTIONS, write_page

NAMES = ("resnet18_d", "hardnet39ds", "timm/inception_v3", "timm/mobilenetv1_100")


def test_a_page_and_its_picture(tmp_path: Path) -> None:
    page, picture = write_page(tmp_path / "zoo.md", [describe(name) for name in NAMES])
    text = page.read_text()
    assert picture == tmp_path / "images" / "zoo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "(images/zoo.png)" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert (
        rows[1] == "| `hardnet39ds` | 3,488,228 | 0.43 | 224 | 96 320 640 1024 | 72.1 | yes | yes |"
    )
    assert rows[2].endswith("| 77.5-78.8 | no | no |")
    assert "- timm's inception_v3 has no output stride 8: its blocks pool inside" in text
    assert "- `hardnet39ds`: authors' code, README (arXiv:1909.00948)" in text
    assert "- `width`: factor on all channel counts (resnet)" in text


def test_every_option_is_explained() -> None:
    options = {option for name in backbones.names() for option in backbones.info(name).options}
    assert options <= set(OPTIONS)


def test_the_page_in_the_docs_knows_every_backbone(repo: Path) -> None:
    page = (repo / "docs" / "backbones.md").read_text()
    assert [name for name in backbones.names() if f"\n| `{name}` | " not in page] == []
