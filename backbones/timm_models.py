"""Any convolutional network of timm by its own name: ``timm/resnest50d``, ``timm/vgg19_bn``, ...

timm (https://github.com/huggingface/pytorch-image-models) builds the network. Where its layers
run in a row, it is cut into our stem, stages and head (`StagedNet`): then everything works as with
a network of ours, and the weights keep timm's names behind our prefixes. Any other network is run
as timm runs it (`backbones.timm_whole`), which allows less.
"""

import difflib
from functools import partial
from typing import Any

import torch
from torch import nn

from backbones.dilation import dilate
from backbones.features import FeatureInfo
from backbones.initialisation import initialise
from backbones.registry import BackboneInfo, register, register_prefix
from backbones.staged import StagedNet
from backbones.timm_whole import layers_in_order, names_of_whole, whole
from tricklift.errors import UserError

PREFIX = "timm/"

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
) -> nn.Module:
    """Build timm's `network` as one of ours.

    Args:
        num_classes: Width of the head.
        network: timm's name, without a tag.
        output_stride: 8 or 16 by `backbones.dilation`; 32 alone for one that is not cut.
        init: ``timm`` (the network's own), ``xavier`` or ``kaiming``, see `initialise`.
        zero_gamma: Start each residual block as its shortcut; else its last gamma starts at 1
            (timm's own default is 0 for its ResNets).

    Raises:
        UserError: A value that this network does not allow; the message says why.
    """
    if init not in ("timm", "xavier", "kaiming"):
        raise UserError(f"init must be 'timm', 'xavier' or 'kaiming'; got {init!r}")
    model = create(network, num_classes)
    model = cut(model, output_stride) if _runs_in_a_row(model) else whole(model, output_stride)
    if init != "timm":
        initialise(model, init)
    _set_last_gammas(model, network, zero_gamma)
    return model


def create(network: str, num_classes: int, **options: Any) -> Any:
    """timm's `network` with random weights; `options` are timm's."""
    import timm

    return timm.create_model(network, pretrained=False, num_classes=num_classes, **options)


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
    if output_stride != 32:
        if type(model).__name__ == "InceptionV3":
            raise UserError(
                f"timm's inception_v3 has no output stride {output_stride!r}: its blocks pool "
                "inside their forward functions, where no dilation can reach; use output_stride=32"
            )
        strides = dilate(stages, strides, output_stride)
    features = FeatureInfo(tuple(entry["num_chs"] for entry in info), strides)
    smallest = SMALLEST.get(type(model).__name__, 1)
    return StagedNet(stem, stages, pre_logits, _linear(parts[-1][0][1]), features, smallest)


def _sequence(layers: list[tuple[str, nn.Module]]) -> nn.Sequential:
    sequence = nn.Sequential()
    for name, layer in layers:
        sequence.add_module(name.rpartition(".")[2], layer)
    return sequence


def _linear(classifier: nn.Module) -> nn.Linear:
    """The classifier as a linear layer: DPN's is a 1x1 convolution."""
    if isinstance(classifier, nn.Conv2d):
        linear = nn.Linear(classifier.in_channels, classifier.out_channels)
        linear.weight = nn.Parameter(classifier.weight.detach().flatten(1))
        return linear
    assert isinstance(classifier, nn.Linear), classifier
    return classifier


def names_of(network: str) -> tuple[tuple[str, str], ...]:
    """Pairs of module names, ours and timm's, that the whole network falls into."""
    with torch.device("meta"):
        model = create(network, 1)
    if not _runs_in_a_row(model):
        return names_of_whole(model)
    *parts, [(classifier, _)] = groups(model)
    ours = ["stem", *(f"stages.{i}" for i in range(len(parts) - 2)), "pre_logits"]
    pairs = [
        (f"{group}.{path.rpartition('.')[2]}", path)
        for group, part in zip(ours, parts, strict=True)
        for path, _ in part
    ]
    return (("fc", classifier), *pairs)


def _set_last_gammas(model: nn.Module, network: str, zero_gamma: bool) -> None:
    blocks: list[Any] = [
        block for block in model.modules() if hasattr(block, "downsample") and hasattr(block, "bn2")
    ]
    if zero_gamma and not blocks:
        raise UserError(
            f"zero_gamma is not defined for timm/{network}: no residual block that ends in a batch "
            "norm is known in it; leave zero_gamma out"
        )
    for block in blocks:
        norm = block.bn3 if hasattr(block, "bn3") else block.bn2
        nn.init.constant_(norm.weight, 0.0 if zero_gamma else 1.0)


def describe_timm(name: str) -> BackboneInfo:
    """What is known of a network of timm that is not listed.

    Raises:
        UserError: timm has no such network.
    """
    import timm

    network = name.removeprefix(PREFIX)
    plain, _, tag = network.partition(".")
    if tag and timm.is_model(plain):
        raise UserError(
            f"unknown backbone {name!r}: {tag!r} names weights; set the backbone's name to "
            f"'timm/{plain}' and its checkpoint to {name!r}"
        )
    if not timm.is_model(network):
        close = difflib.get_close_matches(network, timm.list_models(), n=1)
        hint = f"; did you mean 'timm/{close[0]}'?" if close else ""
        raise UserError(f"unknown backbone {name!r}: timm {timm.__version__} lacks it{hint}")
    config = timm.get_pretrained_cfg(network)
    size = config.input_size[-1] if config else 224
    paper = f"see timm.models.{timm.models.model_entrypoint(network).__module__.split('.')[-1]}"
    return _entry(network, paper, f"timm {timm.__version__}", size)


def _entry(network: str, paper: str, source: str, input_size: int) -> BackboneInfo:
    factory = partial(timm_network, network=network)
    return BackboneInfo(PREFIX + network, "timm", paper, source, input_size, factory)


for _network, (_paper, _arxiv) in LISTED.items():
    _source = f"arXiv:{_arxiv}; timm.create_model('{_network}')"
    register(_entry(_network, _paper, _source, INPUT_SIZES.get(_network, 224)))
register_prefix(PREFIX, describe_timm)
