"""Folders and secrets in what is published."""

import pytest

from tricklift.errors import UserError
from tricklift.sharing.config import refuse_secrets, relative, shareable

KEY = "value-of-my-key"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('api_key = "0123456789abcdef"', "a key or password"),
        ('{"password": "0123456789abcdef"}', "a key or password"),
        ('uri = "https://me:very-secret@host/"', "a password in an address"),
        ('x = "hf_' + "a" * 34 + '"', "a token of the Hugging Face hub"),
        (f"x = '{KEY}'", "the value of WANDB_API_KEY"),
    ],
)
def test_secrets(monkeypatch, text, said):
    """Of any kind; the file is named, the secret is not."""
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with pytest.raises(UserError, match=rf"file\.py would show {said}.*take it out") as error:
        refuse_secrets({"file.py": text})
    assert not any(it in str(error.value) for it in (KEY, "0123456789", "very-secret", "aaaa"))


def test_what_is_no_secret(monkeypatch):
    monkeypatch.setenv("SHORT_TOKEN", "1")
    refuse_secrets(
        {
            "a.py": "num_tokens = 197\ntoken_mixer = dict(type='pool')\nseed = 1",
            "b.md": "see https://huggingface.co/me/net and hf://me/net@main",
            "c.json": '{"config_hash": "' + "0a" * 32 + '", "cls_token": true}',
        }
    )


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("miniworld/manifest.json", "data/miniworld/imagenet/train"),
        (".tricklift/set.json", "data/miniworld/imagenet/train"),
        (None, "data/train"),
    ],
)
def test_folders_of_data(tmp_path, layout, said):
    """Below the data root, as `prepare` or a MiniWorld tells it; one's own by its folder."""
    folder = tmp_path / "miniworld" / "imagenet" / "train"
    folder.mkdir(parents=True)
    if layout:
        (tmp_path / layout).parent.mkdir(exist_ok=True)
        (tmp_path / layout).write_text("{}")
    config = tmp_path / "kept.py"
    config.write_text(
        f"train_dataloader = dict(dataset=dict(data_root={str(folder)!r}))\n"
        f"teacher = {str(tmp_path / 'elsewhere' / 'weights.pth')!r}\n"
        "work_dir = '/home/me/runs'\nvisualizer = dict(type='Visualizer')\n"
    )
    found = shareable(config)
    assert found["train_dataloader"]["dataset"]["data_root"] == said
    assert str(tmp_path) not in str(found) and "/home" not in str(found)
    assert found["teacher"].endswith("/weights.pth")
    assert "visualizer" not in found


def test_a_provided_config_by_its_name(repo):
    told = relative({"config": str(repo / "configs" / "seg" / "mini" / "fcn.py"), "n": 1})
    assert told == {"config": "configs/seg/mini/fcn.py", "n": 1}
    assert relative(["/home/me/own.py", "own.py"]) == ["<elsewhere>/own.py", "own.py"]


def test_a_config_that_would_run_code_is_refused(tmp_path):
    config, canary = tmp_path / "leaf.py", tmp_path / "canary"
    config.write_text(f"model = dict(a=open({str(canary)!r}, 'w'))\n")
    with pytest.raises(UserError, match="holds code"):
        shareable(config)
    assert not canary.exists()
