"""The page about backbones beside one another, from result files of real (tiny) runs."""

import json

import pytest

from tricklift.cli import main
from tricklift.tables import records, zoo

METRICS = {
    "cls": {"top1": 60.0, "top5": 99.0},
    "det": {"voc_map": 40.0},
    "seg": {"pix_acc": 80.0, "miou": 30.0},
}


@pytest.fixture(scope="module")
def template(tiny, tmp_path_factory) -> dict:
    """What a real run wrote."""
    top1 = {"accuracy/top1": 60.0, "accuracy/top5": 99.0}
    return tiny.train(tiny.config(tmp_path_factory.mktemp("template")), top1, top1)


@pytest.fixture
def runs(template, tmp_path):
    """Writes the result files of a backbone's three runs."""

    def write(backbone: str, options: dict, wall: float = 65.0, **changes):
        for task, metrics in METRICS.items():
            data = {**template, "task": task, "metrics": metrics, "tier": "zoo", "row": "AdamW"}
            data |= {"dataset": "MiniWorld", "protocol": task, "backbone": backbone}
            data |= {"wall_seconds": wall, "cpu_seconds": 59.6, "peak_memory": 1536.0}
            data["data"] = {"name": "MiniWorld", "classes": {"count": 12}, "digest": "d"}
            data["config_hash"] = f"{task}-{backbone}-{options}"
            data["options"] = {**options, "init": "xavier", "out_indices": [0]}
            if task != "cls":
                origin = {"config_hash": f"cls-{backbone}-{options}", "file": backbone}
                data["pretrained"] = {**origin, "row": "AdamW", "dataset": "MiniWorld"}
            folder = tmp_path / f"{backbone.replace('/', '_')}-{len(options)}" / task
            folder.mkdir(parents=True)
            (folder / "result.json").write_text(json.dumps(data | changes.get(task, {})))

    write.folder = tmp_path
    return write


def page(folder) -> str:
    return zoo.to_markdown(records.find(folder), folder)


def test_one_line_a_network_with_its_costs(runs):
    runs("resnet18_b", {})
    runs("resnet18_b", {"deformable_stages": [3]}, det={"status": "running"})
    text = page(runs.folder)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    # Offsets of four 3x3: (256 + 3 * 512) inputs to 18 outputs, with bias
    assert 11_979_888 - 11_689_512 == (256 + 3 * 512) * 9 * 18 + 4 * 18
    three, minute = "1.5 / 1.5 / 1.5", "1:00 / 1:00 / 1:00"
    assert rows == [
        "| `resnet18_b` | 11,689,512 | 60.00 | 40.00 | 80.00 | 30.00 | 1:05 / 1:05 / 1:05 "
        f"| {minute} | {three} | 1 |",
        "| `resnet18_b`, deformable_stages=[3] | 11,979,888 | 60.00 | - | 80.00 | 30.00 "
        "| 1:05 / - / 1:05 | 1:00 / - / 1:00 | 1.5 / - / 1.5 | 2 |",
    ]
    assert "far too short to say which" in text.replace("\n", " ")
    assert "guessing gets 8.3 top-1" in text
    assert "\n- detection: 4 iterations (2 epochs)\n" in text
    assert "- detection, AdamW, `resnet18_b`, seed 3: running" in text
    assert "In all 5:25 of training and validation, 4:58 of CPU time." in text


def test_rows_are_named_where_they_share_a_network(runs):
    runs("resnet18_b", {})
    runs("resnet34_b", {})
    assert "| backbone | parameters |" in page(runs.folder)
    changes = {"backbone": "resnet18_b", "row": "random init", "pretrained": None}
    runs("other", {}, cls={"status": "running"}, det=changes, seg=changes)
    text = page(runs.folder)
    assert "| row | backbone | parameters |" in text
    assert "| random init | `resnet18_b` | 11,689,512 | - | 40.00 |" in text
    assert "| AdamW | `resnet18_b` | 11,689,512 | 60.00 |" in text


def test_what_a_network_refuses_and_what_was_run_instead(runs):
    seg = {"seg": {"options": {"output_stride": 32}}}
    runs("timm/inception_v3", {}, **seg)
    text = page(runs.folder)
    assert "- timm's inception_v3 has no output stride 8: its blocks pool inside" in text
    assert "none can be a box head (C4)" in text
    assert "- `timm/inception_v3` was segmented at output stride 32" in text
    assert "## What to know" not in page_of_one_that_refuses_nothing(runs)


def page_of_one_that_refuses_nothing(runs) -> str:
    for file in runs.folder.rglob("result.json"):
        file.unlink()
    runs("hardnet39ds", {})
    return page(runs.folder)


def test_what_is_approximate_says_so(runs):
    runs("dcdc_resnet50_b", {})
    assert "- `dcdc_resnet50_b`: Approximate: Yan et al." in page(runs.folder)


def test_runs_of_other_lengths_name_their_networks(runs):
    runs("resnet18_b", {})
    runs("hardnet39ds", {}, cls={"iters": 12, "epochs": 6}, seg={"epochs": None})
    text = page(runs.folder)
    assert "- pretraining: 12 iterations (6 epochs): `hardnet39ds`\n" in text
    assert "- pretraining: 4 iterations (2 epochs): `resnet18_b`\n" in text
    assert "- detection: 4 iterations (2 epochs)\n" in text
    assert "- segmentation: 4 iterations: `hardnet39ds`" in text


def test_networks_are_ranked_over_all_tasks(runs):
    values = {"resnet18_b": 30.0, "resnet34_b": 50.0, "hardnet39ds": 40.0}
    for name, value in values.items():
        seg = {"metrics": {"pix_acc": 50.0, "miou": 80.0 - value}}  # the other way about
        det = {"metrics": {"voc_map": value}}
        runs(name, {}, cls={"metrics": {"top1": value}}, det=det, seg=seg)
    text = page(runs.folder)
    assert "mean over top-1, mAP, mIoU" in text.replace("\n", " ")
    assert "order of these checkpoints" in text.replace("\n", " ")
    # values of standard deviation 8.16: +-1.22 twice and -+1.22 once, over three
    assert "| `resnet34_b` (AdamW) | +0.41 | 1 |\n| `hardnet39ds` (AdamW) | +0.00 | 2 |" in text
    assert "| `resnet18_b` (AdamW) | -0.41 | 3 |" in text


def test_nothing_is_finished_yet(runs):
    runs("hardnet39ds", {}, **{task: {"status": "running"} for task in METRICS})
    assert "No run has finished yet." in page(runs.folder)


def test_the_command(runs, capsys):
    runs("resnet18_b", {})
    with pytest.raises(SystemExit, match="0"):
        main(["compare", str(runs.folder), "--by", "backbone"])
    assert capsys.readouterr().out.startswith("# Backbones compared: zoo\n")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--by", "colour"], "--by takes row or backbone, got 'colour'"),
        (["--by", "backbone", "--format", "csv"], "--by backbone writes md alone, got 'csv'"),
    ],
)
def test_what_the_command_refuses(runs, capsys, given, message):
    runs("resnet18_b", {})
    with pytest.raises(SystemExit, match="2"):
        main(["compare", str(runs.folder), *given])
    assert message in capsys.readouterr().err
