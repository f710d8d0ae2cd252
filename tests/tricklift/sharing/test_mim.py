"""mim finds a published backbone whose folder is installed, and downloads it (docs/sharing.md)."""

import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from modelindex.load_model_index import load

from tricklift.sharing.folder import publish
from tricklift.sharing.mim import package_of

MIM = Path(sys.executable).parent / "mim"


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("my-net", "tricklift_my_net"),
        ("ResNet18-D.v2", "tricklift_resnet18_d_v2"),
        ("tricklift-b", "tricklift_b"),
        ("mmdet", "tricklift_mmdet"),
        ("模型", "tricklift_model"),
    ],
)
def test_a_package_is_one_lower_case_word_unlike_those_of_openmmlab(name, package):
    from mim.utils.default import PKG2PROJECT

    assert package_of(name) == package
    assert not any(package in known for known in PKG2PROJECT)  # mim completes parts of names


def test_the_index_is_whole(shared):
    """As its own library reads it, without an objection."""
    file = shared.published.folder / "model-index.yml"
    index = load(str(file))
    assert index.check(silent=True) == []
    model = index.models[0]
    assert (model.name, model.in_collection) == ("tricklift_my_net", "resnet18_d")
    assert model.weights == "http://127.0.0.1:9/model.safetensors"
    assert [it.task for it in model.results] == ["Classification", "Segmentation"]
    told = yaml.safe_load(file.read_text())["Models"][0]
    assert told["Results"][1]["Metrics"]["mIoU (seg/mini/fcn)"] == 20.5
    assert told["Metadata"]["Training Techniques"] == shared.trained.result["tricks"]


def test_download_is_advised_where_there_is_an_address(shared, tmp_path):
    """mim cannot load a file without one, and says so with a TypeError."""
    publish(shared.trained, tmp_path / "net", "mit", None, None)
    for folder, works in ((shared.published.folder, True), (tmp_path / "net", False)):
        for file in ("README.md", "pyproject.toml"):
            text = (folder / file).read_text()
            assert "mim search tricklift_" in text
            assert ("mim download tricklift_" in text) == works
            assert ("`mim download` needs an address of the weights: publish" in text) != works


@pytest.mark.slow
def test_search_and_download(shared, tmp_path):
    """pip install FOLDER; mim search PACKAGE; mim download PACKAGE --config PACKAGE."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "my-net")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    publish(shared.trained, tmp_path / "my-net", "mit", None, url)
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", site, tmp_path / "my-net"], check=True)
    places = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": places, "PAGER": "cat"}

    def mim(*words: str | Path) -> str:
        run = subprocess.run(
            [MIM, *words], capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    try:
        said = mim("search", "tricklift_my_net")
        assert "config id: tricklift_my_net" in said and "resnet18_d" in said
        mim("search", "tricklift_my_net", "--json", tmp_path / "found.json")
        found = json.loads((tmp_path / "found.json").read_text())
        assert found["weight"]["tricklift_my_net"] == f"{url}/model.safetensors"
        assert found["miniworld/miou_(seg/mini/fcn)"]["tricklift_my_net"] == 20.5
        there = tmp_path / "there"
        mim("download", "tricklift_my_net", "--config", "tricklift_my_net", "--dest", there)
    finally:
        server.shutdown()
    weights = (tmp_path / "my-net" / "model.safetensors").read_bytes()
    assert (there / "model.safetensors").read_bytes() == weights
    assert "resnet18_d" in (there / "tricklift_my_net.py").read_text()
