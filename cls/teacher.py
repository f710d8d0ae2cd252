"""The teacher of a distillation: any trained network that we, timm or torchvision can name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import backbones
from backbones.checkpoint import pretrained
from backbones.files import read_any
from backbones.foreign import take
from backbones.libraries import is_reference, statistics, whole
from backbones.normalisation import as_metadata
from backbones.registry import TIMM
from backbones.timm_models import create
from tricklift.errors import MissingFileError, UserError

GIVE = (
    "set model.distillation.teacher.checkpoint to an exported file, a .pth of the classification "
    "stage, timm/NAME[.TAG], torchvision/NAME[.WEIGHTS] or, with its name, a file of such weights"
)


class Teacher:
    """A trained network that only answers: in eval, without gradients, on the images' device.

    It is no `nn.Module`, so that a student that holds one keeps it out of its own parameters,
    checkpoints, copies (EMA) and gradient synchronisation. Under autocast it runs in the same
    precision as the student.

    Args:
        network: Maps ``(N, 3, H, W)`` to logits ``(N, K)``; changed in place.
        scale: Per channel, what turns the student's normalised values into the teacher's ...
        shift: ... as ``scale * x + shift``; None where both normalise alike.
    """

    def __init__(
        self, network: nn.Module, scale: Tensor | None = None, shift: Tensor | None = None
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.scale = scale
        self.shift = shift

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``(N, K)`` in float32 of prepared images ``(N, 3, H, W)``."""
        parameter = next(self.network.parameters())
        if parameter.device != images.device:
            self.network.to(images.device)
        with torch.no_grad():
            if self.scale is not None and self.shift is not None:
                scale, shift = self.scale.to(images.device), self.shift.to(images.device)
                images = images * scale.view(3, 1, 1) + shift.view(3, 1, 1)
            return self.network(images).float()


def load_teacher(settings: dict[str, Any], num_classes: int, mean: Tensor, std: Tensor) -> Teacher:
    """Build a teacher and load every one of its weights.

    Args:
        settings: ``checkpoint`` (a file, or a library's name of weights; of a ``.pth`` with EMA the
            weights as trained, of an export with ``--ema`` the average); ``name`` of the network,
            by default what the checkpoint holds, or for a library's name its own network;
            ``weights_from`` of `backbones.checkpoint.load_pretrained`;
            ``timm/NAME`` takes any network of timm for a file in timm's own names; ``mean`` and
            ``std`` (0..255, RGB) that it was trained with, by default what the checkpoint or the
            library says, else the student's; all else are options of the network over those that
            the file holds.
        num_classes: Of the student; the teacher must have as many.
        mean: The student's means ``(3,)`` in 0..255.
        std: The student's standard deviations ``(3,)``.

    Raises:
        MissingFileError: No such file, or a library cannot get its weights.
        UserError: No checkpoint, one of another network, or one with other classes.
    """
    options = dict(settings)
    ref, name = options.pop("checkpoint", None), options.pop("name", None)
    given = {key: options.pop(key, None) for key in ("mean", "std")}
    if not ref:
        raise UserError(f"distillation needs a trained teacher: {GIVE}")
    # Initial weights draw random numbers; the student's run shall not depend on its teacher.
    with torch.random.fork_rng(devices=[]):
        network, known = _network(str(ref), name, num_classes, options)
    its_mean, its_std = (
        torch.tensor(given[key] or json.loads(known.get(key, "null")) or own.tolist()).to(own)
        for key, own in (("mean", mean), ("std", std))
    )
    if torch.equal(its_mean, mean) and torch.equal(its_std, std):
        return Teacher(network)
    return Teacher(network, std / its_std, (mean - its_mean) / its_std)


def _network(
    ref: str, name: str | None, num_classes: int, options: dict[str, Any]
) -> tuple[nn.Module, Mapping[str, str]]:
    """The network with all its weights, and metadata as of `Checkpoint`."""
    if is_reference(ref) and name is None and not options:
        network = whole(ref)
        layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        if len(layers[-1].weight) != num_classes:
            raise _unfit(ref, num_classes, f"it has {len(layers[-1].weight)}")
        return network, as_metadata(*statistics(ref))
    if not is_reference(ref) and not Path(ref).is_file():
        raise MissingFileError(f"the teacher's checkpoint {ref!r} is no file; {GIVE}")
    file = None if is_reference(ref) else read_any(ref)
    chosen = options.pop("weights_from", None)
    holds = file.metadata.get("architecture") if file else None
    name = name or holds
    if file and holds and name == holds:
        options = {**file.options, **options}
    if name is None:
        raise UserError(
            f"the teacher's checkpoint {ref} does not say which network it is for; set "
            "model.distillation.teacher.name, e.g. to resnet152_b or timm/vit_small_patch16_224"
        )
    if file and not holds and name.startswith(TIMM):
        backbones.info(name)  # refuses what timm lacks
        network = create(name.removeprefix(TIMM), num_classes, **options)
        own = {"timm": network.state_dict()}
        account = take(file, own, {"timm": ()}, name, chosen)
        return _loaded(network, account.taken.state, ref, num_classes), {}
    held = pretrained(name, file or ref, chosen, **options)
    network = backbones.build(name, num_classes=num_classes, **options)
    return _loaded(network, held.state, ref, num_classes), held.metadata


def _loaded(
    network: nn.Module, state: Mapping[str, Tensor], ref: str, num_classes: int
) -> nn.Module:
    """The network with these weights, all of which it needs."""
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    given = {key: tuple(value.shape) for key, value in state.items()}
    unfit = [key for key in own if given.get(key) != own[key]]
    if unfit:
        what = [f"{key} {given.get(key, 'missing')} for {own[key]}" for key in unfit[:4]]
        raise _unfit(ref, num_classes, ", ".join(what))
    network.load_state_dict({key: state[key] for key in own})
    return network


def _unfit(ref: str, num_classes: int, what: str) -> UserError:
    return UserError(
        f"the teacher {ref} does not fit {num_classes} classes: {what}; student and teacher must "
        "be trained on the same classes"
    )
