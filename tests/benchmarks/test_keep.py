"""Results are copied without the paths of a machine; what cannot be told elsewhere is refused."""

import json
import shutil

import pytest

from benchmarks.keep import anywhere, keep
from tricklift.errors import UserError


def test_kept_results_are_those_of_any_machine(repo, tmp_path):
    """Shipped results, moved to absolute places and kept again, are what they were."""
    shipped, runs, out = repo / "docs/results/demo", tmp_path / "here", tmp_path / "demo"
    moved = {"demo/runs/": f"{runs}/", "--out demo": f"--out {runs}", '"configs/': '"/a/b/configs/'}
    shutil.copytree(shipped, runs)
    for file in runs.rglob("*.json"):
        text = file.read_text()
        for name, here in moved.items():
            text = text.replace(name, here)
        file.write_text(text)
    unfinished = runs / "seg/random-init/seed2/result.json"
    unfinished.write_text(unfinished.read_text().replace('"status": "done"', '"status": "running"'))
    keep(runs, out, tmp_path / "sets")
    expected = {str(file.relative_to(runs)) for file in runs.rglob("*.json")}
    assert {str(file.relative_to(out)) for file in out.rglob("*.json")} == expected - {
        "seg/random-init/seed2/result.json"
    }
    for file in out.rglob("*.json"):
        text = (shipped / file.relative_to(out)).read_text()
        text = text.replace("demo/runs/", "runs/demo/").replace("--out demo", "--out runs/demo")
        assert json.loads(file.read_text()) == json.loads(text)


def test_weights_of_a_tier_may_be_in_two_places(repo, tmp_path, monkeypatch):
    """Below the data root, or in TRICKLIFT_DATA: both become `data`."""
    place = "seg/random-init/seed0/result.json"
    held = json.loads((repo / "docs/results/demo" / place).read_text())
    runs, root, out = tmp_path / "runs", tmp_path / "sets", tmp_path / "kept"
    (runs / place).parent.mkdir(parents=True)
    monkeypatch.setenv("TRICKLIFT_DATA", str(tmp_path / "packs"))
    for folder in (root, tmp_path / "packs"):
        held["pretrained"] = {"file": f"{folder}/a.safetensors"}
        (runs / place).write_text(json.dumps(held))
        keep(runs, out, root)
        assert json.loads((out / place).read_text())["pretrained"]["file"] == "data/a.safetensors"


@pytest.mark.parametrize("left", ["/home/me/a.pth", "tricklift run small --root /home/me/data"])
def test_another_place_is_refused(left):
    places = {"/runs/a": "runs/small"}
    assert anywhere(["/runs/a/b", "1/2", "http://a/b"], places) == [
        "runs/small/b",
        "1/2",
        "http://a/b",
    ]
    with pytest.raises(UserError, match=r"/home/me.*--root"):
        anywhere({"a": [left]}, places)
