"""The two forms of the loss by hand, the order of operations, and a teacher that stays outside."""

import copy
import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner

import backbones
from backbones.files import save
from cls.distillation import Distillation, distillation_losses
from cls.draws import Draws
from cls.model import ImageClassifier
from cls.targets import draw_mixup, mixup, smooth_targets

WIDTH = 0.125


@pytest.fixture(scope="session")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported ResNet-18-D of three classes whose answers are not all alike."""
    torch.manual_seed(7)
    network = backbones.build("resnet18_d", num_classes=3, width=WIDTH)
    torch.nn.init.normal_(network.fc.weight, std=2.0)
    file = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    metadata = {"architecture": "resnet18_d", "options": json.dumps({"width": WIDTH})}
    save(file, network.state_dict(), {**metadata, "num_classes": "3"})
    return file


def student(teacher_file: Path, **options) -> ImageClassifier:
    torch.manual_seed(0)
    model = ImageClassifier(
        backbone=dict(name="resnet18_b", width=WIDTH),
        num_classes=3,
        distillation=dict(teacher=dict(checkpoint=str(teacher_file)), **options.pop("loss", {})),
        **options,
    )
    model.init_weights()
    return model


@pytest.mark.parametrize(
    ("form", "want"),
    [
        # K = 2, T = 2, z = (0, 2 ln 3), r = (0, 0), the label is class 1.
        # softmax(z) = (1/10, 9/10): CE(p, z) = ln(10/9).
        # softmax(z/2) = (1/4, 3/4), softmax(r/2) = (1/2, 1/2):
        # CE(r/T, z/T) = (ln 4 + ln 4/3) / 2 = ln(16/3) / 2. T^2 = 4 times that is 2 ln(16/3).
        ("paper", (math.log(10 / 9), 2 * math.log(16 / 3))),
        ("public", (0.5 * math.log(10 / 9), math.log(16 / 3))),
    ],
)
def test_loss_by_hand(form, want):
    logits = torch.tensor([[0.0, 2 * math.log(3)]])
    parts = distillation_losses(logits, torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2), 2.0, form)
    assert [part.item() for part in parts] == pytest.approx(want, rel=1e-6)
    # 0.1053605 + 3.3479528 for the paper's form, half of it for the public one.
    whole = 3.4533133 if form == "paper" else 1.7266567
    assert sum(parts).item() == pytest.approx(whole, abs=1e-6)


def test_gradient_does_not_shrink_with_the_temperature():
    # d/dz T^2 CE(r/T, z/T) = T (softmax(z/T) - softmax(r/T)) -> (z - r) / K for large T, when the
    # logits have mean 0.
    z = torch.tensor([[1.0, 0.0, -1.0]], requires_grad=True)
    r = torch.tensor([[-2.0, 2.0, 0.0]])
    _, teacher = distillation_losses(z, torch.eye(3)[:1], r, 1000.0, "paper")
    (gradient,) = torch.autograd.grad(teacher, z)
    torch.testing.assert_close(gradient, (z - r).detach() / 3, atol=5e-3, rtol=0)


def test_defaults_are_the_papers(teacher_file):
    distillation = student(teacher_file).distillation
    assert (distillation.temperature, distillation.form) == (20.0, "paper")


@pytest.mark.parametrize("per", ["batch", "image"])
def test_order_smooth_then_mix_and_the_teacher_sees_what_the_student_sees(teacher_file, per):
    model = student(
        teacher_file, mixup=dict(alpha=0.4, per=per), label_smoothing=dict(eps=0.1)
    ).eval()
    images, labels = torch.randn(5, 3, 32, 32), torch.tensor([0, 2, 1, 1, 0])
    seen = []
    teacher = model.distillation.teacher.network
    teacher.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    torch.manual_seed(5)
    weight, order = draw_mixup(0.4, 5, torch.device("cpu"), Draws(), per)
    mixed, targets = mixup(images, smooth_targets(labels, 3, 0.1), weight, order)
    with torch.no_grad():
        logits, answer = model.backbone(mixed), teacher(mixed)
        apart = mixup(images, teacher(images), weight, order)[1]
    seen.clear()
    want = distillation_losses(logits, targets, answer, 20.0, "paper")

    torch.manual_seed(5)
    losses = model.loss(images, labels)
    torch.testing.assert_close(losses["loss_label"], want[0])
    torch.testing.assert_close(losses["loss_teacher"], want[1])
    torch.testing.assert_close(seen[0], mixed)
    # The teacher's answer to a mixed image is not the mix of its answers, so the test can tell.
    assert (apart - answer).abs().max() > 1e-3


def test_the_teacher_stays_out_of_the_student(teacher_file):
    model = student(teacher_file)
    plain = ImageClassifier(backbone=dict(name="resnet18_b", width=WIDTH), num_classes=3)
    assert list(model.state_dict()) == list(plain.state_dict())
    teacher = model.distillation.teacher.network
    own = {id(parameter) for parameter in teacher.parameters()}
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type="SGD", lr=0.1)))
    held = {id(p) for group in wrapper.optimizer.param_groups for p in group["params"]}
    assert held and not own & held
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    model.train()
    assert not any(module.training for module in teacher.modules())
    assert copy.deepcopy(model).distillation is model.distillation  # EMA's copy shares it


def test_no_gradient_reaches_the_teacher_and_its_statistics_stand_still(teacher_file):
    model = student(teacher_file)
    before = {k: v.clone() for k, v in model.distillation.teacher.network.state_dict().items()}
    losses = model.train().loss(torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))
    sum(losses.values()).backward()
    for key, value in model.distillation.teacher.network.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert model.backbone.fc.weight.grad is not None


def test_the_teacher_runs_in_the_students_precision(teacher_file):
    model = student(teacher_file)
    kinds = []
    model.distillation.teacher.network.fc.register_forward_hook(
        lambda *arguments: kinds.append(arguments[2].dtype)
    )
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    model.loss(images, labels)
    with torch.autocast("cpu", torch.bfloat16):
        model.loss(images, labels)
    assert kinds == [torch.float32, torch.bfloat16]


def test_the_teacher_follows_the_images_to_their_device(teacher_file):
    teacher = student(teacher_file).distillation.teacher
    assert teacher(torch.zeros(1, 3, 32, 32, device="meta")).device.type == "meta"
    assert next(teacher.network.parameters()).device.type == "meta"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(temperature=0), "distillation temperature must be above 0, got 0"),
        (dict(form="mine"), "unknown form 'mine' of distillation; known: paper, public"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        Distillation(teacher={}, num_classes=3, **settings)


def test_training_needs_the_teacher_and_prediction_does_not():
    cfg = dict(backbone=dict(name="resnet18_b", width=WIDTH), num_classes=3)
    model = ImageClassifier(**cfg, distillation=dict(teacher=dict(name="resnet18_d")))
    assert model.eval().predict(torch.randn(1, 3, 32, 32), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"needs a trained teacher: set .*teacher.checkpoint to"):
        model.init_weights()


def test_trains_with_mixup_smoothing_and_half_precision(teacher_file, tiny_config):
    cfg = tiny_config("resnet18_d-tricks", epochs=1)
    cfg.model.distillation = dict(teacher=dict(checkpoint=str(teacher_file)))
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert {"train/loss_label", "train/loss_teacher"} <= set(runner.message_hub.log_scalars)
    checkpoint = torch.load(Path(cfg.work_dir) / "epoch_1.pth", weights_only=False)
    held = [*checkpoint["state_dict"], *checkpoint]
    assert not any("teacher" in key or "distillation" in key for key in held)
    groups = checkpoint["optimizer"]["param_groups"]
    assert sum(len(group["params"]) for group in groups) == len(list(runner.model.parameters()))


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        (dict(checkpoint="gone.pth"), FileNotFoundError, "teacher's checkpoint 'gone.pth' is no"),
        (
            dict(name="resnet18_b"),
            ValueError,
            "holds 'resnet18_d', but .*teacher.name is 'resnet18",
        ),
    ],
)
def test_a_wrong_teacher_stops_a_run_before_it_trains(
    teacher, error, message, teacher_file, tiny_config
):
    cfg = tiny_config(epochs=1)
    cfg.model.distillation = dict(teacher={"checkpoint": str(teacher_file), **teacher})
    with pytest.raises(error, match=message):
        Runner.from_cfg(cfg).train()
    assert not list(Path(cfg.work_dir).glob("*.pth"))


def test_student_alone_is_not_changed_by_having_a_teacher(teacher_file):
    """The same random numbers are drawn with and without one, so runs compare seed by seed."""
    torch.manual_seed(1)
    student(teacher_file)
    after = torch.rand(1)
    torch.manual_seed(0)
    model = ImageClassifier(backbone=dict(name="resnet18_b", width=WIDTH), num_classes=3)
    model.init_weights()
    assert torch.equal(torch.rand(1), after)
    assert F.mse_loss(model.backbone.fc.weight, student(teacher_file).backbone.fc.weight) == 0
