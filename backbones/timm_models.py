"""Any convolutional network of timm by its own name: ``timm/resnest50d``, ``timm/vgg19_bn``, ...

timm (https://github.com/huggingface/pytorch-image-models) builds the network, dilated too where it
can do that. Where its layers run in a row, it is cut into our stem, stages and head (`StagedNet`):
then everything works as with a network of ours, and the weights keep timm's names behind our
prefixes. Any other network is run as timm runs it (`backbones.timm_whole`), without a C4 head, and
must take images of any size (`backbones.timm_sizes`).
"""

from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import nn

from backbones.dilation import dilate
from backbones.features import Backbone, FeatureInfo
from backbones.initialisation import initialise, start_gammas
from backbones.last_norms import last_norms
from backbones.registry import TIMM, BackboneInfo, register, register_prefix
from backbones.staged import StagedNet
from backbones.timm_sizes import takes
from backbones.timm_whole import layers_in_order, linear, whole
from tricklift.errors import UserError, did_you_mean

VGG = "Simonyan and Zisserman, Very Deep Convolutional Networks, ICLR 2015"
#: Networks that `backbones.names` lists, by timm's names: paper, arXiv number.
LISTED = {
    "resnest50d": ("Zhang et al., ResNeSt: Split-Attention Networks, 2020", "2004.08955"),
    "densenet121": ("Huang et al., Densely Connected CNNs, CVPR 2017", "1608.06993"),
    "dpn68": ("Chen et al., Dual Path Networks, NeurIPS 2017", "1707.01629"),
    "res2net50_26w_4s": ("Gao et al., Res2Net, TPAMI 2019", "1904.01169"),
    "inception_v3": ("Szegedy et al., Rethinking Inception, CVPR 2016", "1512.00567"),
    "mobilenetv1_100": ("Howard et al., MobileNets, 2017", "1704.04861"),
    "vgg19": (VGG, "1409.1556"),
    "vgg19_bn": (VGG, "1409.1556"),
    "legacy_seresnet50": ("Hu et al., Squeeze-and-Excitation Networks, CVPR 2018", "1709.01507"),
}
#: Input sizes other than 224.
INPUT_SIZES = {"inception_v3": 299}

#: timm's classes whose layers run in a row, as the tests show by comparing with timm's own forward.
IN_A_ROW = ("ResNet", "SENet", "DenseNet", "DPN", "EfficientNet", "InceptionV3", "VGG")
#: Smallest image that leaves a pixel behind convolutions and pools without padding.
SMALLEST = {"InceptionV3": 75}


def timm_network(
    num_classes: int,
    *,
    network: str,
    output_stride: int = 32,
    init: str = "timm",
    zero_gamma: bool = False,
) -> Backbone:
    """Build timm's `network` as one of ours.

    Args:
        network: timm's name, without a tag.
        output_stride: 8, 16 or 32: by timm, or else by `backbones.dilation`, which can dilate a
            network that is cut.
        init: ``timm`` (the network's own), ``xavier`` or ``kaiming``, see `initialise`.
        zero_gamma: The last norm of each residual block starts at gamma 0; without it no norm does,
            whatever timm starts it at.

    Raises:
        UserError: A value that this network does not allow; the message says why.
    """
    if init not in ("timm", "xavier", "kaiming"):
        raise UserError(f"init must be 'timm', 'xavier' or 'kaiming'; got {init!r}")
    if output_stride not in (8, 16, 32):
        raise UserError(f"output_stride must be one of 8, 16, 32; got {output_stride!r}")
    multiple = 1
    model = _created(network, num_classes, output_stride)
    if not (in_a_row := _runs_in_a_row(model)):
        options, multiple = takes(create, network)
        if options:
            model = _created(network, num_classes, output_stride, **options)
    last = [model.get_submodule(path) for path in _last_norms(network)] if zero_gamma else []
    result: Backbone
    result = cut(model, output_stride) if in_a_row else whole(model, output_stride, multiple)
    if init != "timm":
        initialise(result, init)
    start_gammas(result)
    for norm in last:
        nn.init.zeros_(norm.weight)
    return result


def _created(network: str, num_classes: int, output_stride: int, **options: Any) -> Any:
    """timm's network, dilated where timm can do that."""
    if output_stride != 32:
        with suppress(TypeError, AssertionError):  # an unknown argument, or one that must be 32
            return create(network, num_classes, output_stride=output_stride, **options)
    return create(network, num_classes, **options)


def dilated_by_timm(name: str) -> bool:
    """Whether ``timm/NETWORK`` is dilated by timm, and not by `backbones.dilation`."""
    with torch.device("meta"):
        model = _created(name.removeprefix(TIMM), 1, 8)
    return max(entry["reduction"] for entry in model.feature_info) <= 8


def create(network: str, num_classes: int, **options: Any) -> Any:
    """timm's `network` with random weights; `options` are timm's."""
    import timm

    return timm.create_model(network, pretrained=False, num_classes=num_classes, **options)


def _last_norms(network: str) -> list[str]:
    """Paths of the norms that zero-gamma starts at 0, at least one."""
    with torch.device("meta"):
        model = create(network, 1)
    found = last_norms(model, model.pretrained_cfg["input_size"][-1])
    if not found:
        raise UserError(
            f"zero_gamma is not defined for timm/{network}: no residual block of it ends in a "
            "norm; leave zero_gamma out"
        )
    return found


def _runs_in_a_row(model: Any) -> bool:
    return type(model).__name__ in IN_A_ROW and len(model.feature_info) > 4


def groups(model: Any) -> list[list[tuple[str, nn.Module]]]:
    """timm's layers as stem, four stages, what stands before the classifier, and the classifier.

    The stages end where timm's last four feature maps come from; the last one takes what follows
    in the same container, such as DPN's last norm.
    """
    classifier = model.pretrained_cfg["classifier"]
    layers = layers_in_order(model, [e["module"] for e in model.feature_info] + [classifier])
    names = [name for name, _ in layers]
    ends = [names.index(entry["module"]) + 1 for entry in model.feature_info[-5:]]
    container = names[ends[-1] - 1].rpartition(".")[0]
    while container and names[ends[-1]].startswith(f"{container}."):
        ends[-1] += 1
    head = names.index(classifier)
    starts = [0, *ends, head]
    parts = [layers[a:b] for a, b in zip(starts, [*ends, head, head + 1], strict=True)]
    assert not any(p.numel() for _, layer in layers[head + 1 :] for p in layer.parameters())
    return parts


def cut(model: Any, output_stride: int) -> StagedNet:
    """Cut timm's network into a stem, four stages and a head, all with timm's own modules."""
    parts = groups(model)
    stem, *stages, pre_logits = (_sequence(part) for part in parts[:-1])
    info = model.feature_info[-4:]
    strides = tuple(entry["reduction"] for entry in info)
    if max(strides) > output_stride:
        if type(model).__name__ == "InceptionV3":
            raise UserError(
                f"timm's inception_v3 has no output stride {output_stride!r}: its blocks pool "
                "inside their forward functions, where no dilation can reach; use output_stride=32"
            )
        strides = dilate(stages, strides, output_stride)
    features = FeatureInfo(tuple(entry["num_chs"] for entry in info), strides)
    smallest = SMALLEST.get(type(model).__name__, 1)
    return StagedNet(stem, stages, linear(parts[-1][0][1]), features, pre_logits, smallest)


def _sequence(layers: list[tuple[str, nn.Module]]) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, layer in layers:
        sequence.add_module(name.rpartition(".")[2], layer)
    return sequence


def names_of(network: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """Pairs of module names, ours and timm's, and whether timm's head is a convolution."""
    with torch.device("meta"):
        model = create(network, 1)
    classifier = model.pretrained_cfg["classifier"]
    conv_head = isinstance(model.get_submodule(classifier), nn.Conv2d)
    if not _runs_in_a_row(model):
        own = [name for name, _ in model.named_children()] + list(model._parameters)
        return (("fc", classifier), *((f"body.{name}", name) for name in own)), conv_head
    *parts, _ = groups(model)
    ours = ["stem", *(f"stages.{i}" for i in range(len(parts) - 2)), "pre_logits"]
    pairs = [
        (f"{group}.{path.rpartition('.')[2]}", path)
        for group, part in zip(ours, parts, strict=True)
        for path, _ in part
    ]
    return (("fc", classifier), *pairs), conv_head


def describe_timm(name: str) -> BackboneInfo:
    """What is known of a network of timm that is not listed.

    Raises:
        UserError: timm has no such network.
    """
    import timm

    network = name.removeprefix(TIMM)
    plain, _, tag = network.partition(".")
    if tag and timm.is_model(plain):
        raise UserError(
            f"unknown backbone {name!r}: {tag!r} names weights; set the backbone's name to "
            f"'timm/{plain}' and its checkpoint to {name!r}"
        )
    if not timm.is_model(network):
        hint = did_you_mean(name, [TIMM + known for known in timm.list_models()])
        raise UserError(
            f"unknown backbone {name!r}: timm {timm.__version__} lacks it{hint} "
            "(timm.list_models() names all)"
        )
    config = timm.get_pretrained_cfg(network)
    size = config.input_size[-1] if config else 224
    paper = f"see timm.models.{timm.models.model_entrypoint(network).__module__.split('.')[-1]}"
    factory = partial(timm_network, network=network)
    return BackboneInfo(name, "timm", paper, f"timm {timm.__version__}", factory, size)


register_prefix(TIMM, describe_timm)
for _network, (_paper, _arxiv) in LISTED.items():
    _source = f"arXiv:{_arxiv}; timm.create_model('{_network}')"
    _factory = {TIMM + _network: partial(timm_network, network=_network)}
    register("timm", _paper, _source, _factory, input_size=INPUT_SIZES.get(_network, 224))
