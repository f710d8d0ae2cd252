"""The classifier alone, then trained for real by mmengine's Runner."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.hooks import Hook
from mmengine.registry import MODELS
from mmengine.runner import Runner

from cls.model import ImageClassifier


def tiny(**options) -> ImageClassifier:
    torch.manual_seed(0)
    backbone = dict(name="resnet18_b", width=0.125)
    return ImageClassifier(backbone=backbone, num_classes=4, **options)


def test_loss_is_cross_entropy():
    model = tiny().eval()  # eval: the same logits twice, whatever the batch statistics
    images, labels = torch.randn(3, 3, 32, 32), torch.tensor([0, 3, 1])
    want = F.cross_entropy(model.backbone(images), labels)
    torch.testing.assert_close(model(images, labels, mode="loss")["loss"], want)


def test_mixup_changes_the_batch_and_not_the_caller():
    model = tiny(mixup=dict(alpha=0.2), label_smoothing=dict(eps=0.1)).eval()
    images, labels = torch.randn(3, 3, 32, 32), torch.tensor([0, 3, 1])
    before = images.clone()
    losses = {model.loss(images, labels)["loss"].item() for _ in range(4)}
    assert len(losses) > 1
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(mixup=dict(alpha=-1)), "mixup alpha must be above 0"),
        (dict(mixup=dict(alpha=0.2, per="pixel")), "got per='pixel'"),
        (dict(label_smoothing=dict(eps=2)), "eps must be in"),
        (dict(label_smoothing=dict(eps=0.1, form="mine")), "unknown form 'mine'"),
    ],
)
def test_bad_targets_are_refused_when_the_model_is_built(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)


def test_prediction_ranks_the_classes():
    model = tiny().eval()
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([2, 0])
    out = model.predict(images, labels)
    assert [sample["label"] for sample in out] == [2, 0]
    assert out[0]["ranked"].tolist() == model(images)[0].argsort(descending=True).tolist()


def test_unknown_backbone_is_named_before_training():
    cfg = dict(type="ImageClassifier", backbone=dict(name="resnet18_e"), num_classes=4)
    with pytest.raises(ValueError, match=r"unknown backbone 'resnet18_e'.*did you mean"):
        MODELS.build(cfg)


def test_validation_mixes_and_augments_nothing(monkeypatch):
    """With mixup, flips and colours on: twice the same answer, that of a model without them."""
    augmented = dict(mixup=dict(alpha=0.2), data_preprocessor=dict(flip=0.5, jitter={}))
    plain, tricks = tiny(data_preprocessor=dict(flip=0.0)).eval(), tiny(**augmented).eval()
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    batch = {"inputs": images, "labels": torch.arange(8) % 4}
    before = torch.get_rng_state()
    want = [sample["ranked"].tolist() for sample in plain.val_step(batch)]
    for _ in range(2):
        assert [sample["ranked"].tolist() for sample in tricks.val_step(batch)] == want
    assert torch.equal(torch.get_rng_state(), before)
    # The faults, planted: a step of validation that mixed, and one that augmented, would be seen.
    monkeypatch.setattr(tricks, "predict", tricks.loss)
    assert tricks.val_step(batch)["loss"] != tricks.val_step(batch)["loss"]
    prepared = [tricks.data_preprocessor(batch, training=True)["inputs"] for _ in range(2)]
    assert not torch.equal(*prepared)


def test_validation_leaves_training_mode_and_moves_no_statistics(tiny_config):
    """A network left in training mode would be validated by the statistics of its batches."""
    seen = []

    class Watching(Hook):
        def before_val_iter(self, runner, batch_idx, data_batch=None):
            seen.append(any(part.training for part in runner.model.modules()))

    cfg = tiny_config()
    cfg.default_hooks.checkpoint.save_best = None  # mmengine has no place for it before a training
    runner = Runner.from_cfg(cfg)
    runner.register_hook(Watching())
    runner.model.train()
    before = {key: value.clone() for key, value in runner.model.named_buffers()}
    runner.val()
    assert seen and not any(seen)
    for key, value in runner.model.named_buffers():
        assert torch.equal(value, before[key]), key
    runner.model.train()(torch.randn(2, 3, 32, 32))  # in training mode they would have moved
    moved = dict(runner.model.named_buffers())
    assert any(not torch.equal(value, before[key]) for key, value in moved.items())


@pytest.mark.parametrize("leaf", ["resnet18_b-baseline", "resnet18_d-tricks"])
def test_trains_validates_and_leaves_its_files(leaf, tiny_config):
    cfg = tiny_config(leaf)
    runner = Runner.from_cfg(cfg)
    before = runner.model.backbone.stem.conv1.weight.clone()
    runner.train()
    assert not torch.equal(runner.model.backbone.stem.conv1.weight, before)
    work = Path(cfg.work_dir)
    result = json.loads((work / "result.json").read_text())
    assert result["status"] == "done"
    assert result["epochs"] == 2 and result["iters"] == 12
    assert 0 <= result["metrics"]["top1"] <= 100
    assert result["machine"]["amp_dtype"] == "bfloat16"
    assert list(work.glob("best_accuracy_top1_epoch_*.pth"))
    assert {f.name for f in work.glob("epoch_*.pth")} == {"epoch_1.pth", "epoch_2.pth"}
    assert list(work.rglob("events.out.tfevents*"))  # TensorBoard is in the test extra


def test_resumes_where_it_stopped(tiny_config):
    """Two epochs in one go equal one epoch, and one more from its checkpoint."""
    whole = tiny_config(epochs=2)
    whole.train_dataloader.sampler.shuffle = False
    whole.model.data_preprocessor = dict(type="ClsPreprocessor", flip=0.0)
    whole.train_dataloader.dataset.pipeline[1].update(scale=(1.0, 1.0), ratio=(1.2, 1.2))
    whole.default_hooks.checkpoint.max_keep_ckpts = 2
    halves = whole.copy()
    whole.work_dir += "-whole"
    Runner.from_cfg(whole).train()
    halves.resume, halves.load_from = True, f"{whole.work_dir}/epoch_1.pth"
    Runner.from_cfg(halves).train()

    def weights(cfg):
        state = torch.load(Path(cfg.work_dir) / "epoch_2.pth", weights_only=False)["state_dict"]
        return state["backbone.fc.weight"]

    torch.testing.assert_close(weights(halves), weights(whole))
