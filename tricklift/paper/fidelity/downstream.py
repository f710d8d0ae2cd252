"""What a detection or segmentation config does, point by point; see `readings.py`."""

from typing import Any

import torch
from torch import nn

import backbones
from tricklift.paper.fidelity.readings import (
    DOWNSTREAM,
    Reading,
    batch,
    listed,
    number,
    part,
    rate,
    warmup,
)

FROZEN = ("nothing", "stem", "stem, layer1", "stem, layer1, layer2")
EACH = {1: "one", 2: "two"}
IMAGES_ADE20K = 20_210


def evaluation(cfg: Any) -> str:
    """The detection metric and its test set."""
    metric, data = cfg.val_evaluator, cfg.val_dataloader.dataset
    assert (metric.type, metric.metric) == ("VOCMetric", "mAP")
    points = {"11points": "11-point", "area": "area"}[metric.eval_mode]
    threshold = metric.get("iou_thrs", 0.5)
    year, _, split = data.ann_file.removesuffix(".txt").partition("/ImageSets/Main/")
    return f"{points} AP at IoU {threshold:g} on {year.replace('VOC20', 'VOC')} {split}"


def smallest_box(cfg: Any) -> str:
    """The size under which boxes are hidden in training."""
    for data in cfg.train_dataloader.dataset.datasets:
        size = (data.get("filter_cfg") or {}).get("bbox_min_size")
        if size:
            return f"{size} px"
    return "no limit"


def detection_head(cfg: Any) -> str:
    """C4 or FPN."""
    model = cfg.model
    if model.get("neck"):
        assert model.neck.type == "FPN" and list(model.backbone.out_indices) == [0, 1, 2, 3]
        return "FPN"
    last = model.backbone.out_indices[0] + 1
    assert model.roi_head.shared_head.type == "TrickStage"
    stride = 2 ** (last + 1)
    return f"layers 1-{last}, RPN on stride {stride}, layer{last + 1} as box head"


def detection_norm(cfg: Any) -> str:
    """What of batch norm stands still."""
    if not cfg.model.backbone.norm_eval:
        return "trained"
    return "frozen" if cfg.model.backbone.get("norm_frozen") else "statistics frozen"


def per_image(cfg: Any) -> str:
    """The rate for one image, where the rate follows the batch."""
    assert cfg.auto_scale_lr.enable
    rate = cfg.optim_wrapper.optimizer.lr / cfg.auto_scale_lr.base_batch_size
    return f"{rate:g} an image"


def clipping(cfg: Any) -> str:
    """The largest gradient norm."""
    clip = cfg.optim_wrapper.get("clip_grad")
    return f"norm {clip.max_norm:g}" if clip else "none"


DETECTION: dict[str, Reading] = {
    **DOWNSTREAM,
    "evaluation": evaluation,
    "smallest box in training": smallest_box,
    "short side": lambda cfg: number(min(part(cfg, "Resize").scale)),
    "longest side": lambda cfg: number(max(part(cfg, "Resize").scale)),
    "head": detection_head,
    "anchor scales": lambda cfg: listed(cfg.model.rpn_head.anchor_generator.scales),
    "anchor ratios": lambda cfg: listed(cfg.model.rpn_head.anchor_generator.ratios),
    "RoIAlign": lambda cfg: (
        f"{(side := cfg.model.roi_head.bbox_roi_extractor.roi_layer.output_size)}x{side}"
    ),
    "RoIs in training": lambda cfg: cfg.model.train_cfg.rcnn.sampler.num,
    "proposals at test": lambda cfg: cfg.model.test_cfg.rpn.max_per_img,
    "NMS of boxes": lambda cfg: number(cfg.model.test_cfg.rcnn.nms.iou_threshold),
    "batch norm": detection_norm,
    "frozen stages": lambda cfg: FROZEN[cfg.model.backbone.frozen_stages + 1],
    "images a step": lambda cfg: f"{batch(cfg)} ({EACH[cfg.train_dataloader.batch_size]} a GPU)",
    "learning rate": per_image,
    "warmup": warmup,
    "epochs": lambda cfg: number(cfg.train_cfg.max_epochs),
    "gradient clipping": clipping,
}


def dilation(cfg: Any) -> str:
    """Output stride and the dilated layers, of the network as it is built."""
    held = cfg.model.backbone
    with torch.device("meta"):
        net: Any = backbones.build(held.name, num_classes=1, output_stride=held.output_stride)
    last = [
        max(m.dilation[0] for m in stage.modules() if isinstance(m, nn.Conv2d))
        for stage in net.stages
    ]
    dilated = [f"layer{i} dilation {d}" for i, d in enumerate(last, start=1) if d > 1]
    return f"{net.feature_info.strides[-1]}: {', '.join(dilated)}"


def segmentation_head(cfg: Any) -> str:
    """The decode head on the last layer."""
    head = cfg.model.decode_head
    assert head.in_index == 3 and head.norm_cfg.type == "BN"
    if head.type == "PSPHead":
        return f"pyramid pooling {listed(head.pool_scales)}, dropout {head.dropout_ratio:g}"
    assert head.type == "FCNHead" and head.num_convs == 1 and not head.concat_input
    assert "channels" not in head and head.get("kernel_size", 3) == 3
    return f"3x3 to C/4, BN, ReLU, dropout {head.dropout_ratio:g}, 1x1"


def auxiliary_head(cfg: Any) -> str:
    """The auxiliary head, its layer and the weight of its loss."""
    head = cfg.model.auxiliary_head
    assert head.type == "FCNHead"
    return f"FCN on layer{head.in_index + 1}, weight {head.loss_decode.loss_weight:g}"


def crop(cfg: Any) -> str:
    """Side of the training crop."""
    height, width = part(cfg, "RandomCrop").crop_size
    assert height == width
    return number(height)


def head_rate(cfg: Any) -> str:
    """What the heads' rate is multiplied by."""
    keys = cfg.optim_wrapper.paramwise_cfg.custom_keys
    factors = {keys[name].lr_mult for name in ("decode_head", "auxiliary_head")}
    assert len(factors) == 1
    return f"x {factors.pop():g}"


def segmentation_norm(cfg: Any) -> str:
    """Whether batch norm's statistics are those of all GPUs."""
    assert not cfg.model.backbone.norm_eval
    return "synchronised over GPUs" if cfg.get("sync_bn") == "torch" else "of each GPU"


SEGMENTATION: dict[str, Reading] = {
    **DOWNSTREAM,
    "classes": lambda cfg: cfg.model.decode_head.num_classes,
    "output stride": dilation,
    "head": segmentation_head,
    "auxiliary head": auxiliary_head,
    "base size": lambda cfg: number(min(part(cfg, "RandomResize").scale)),
    "crop": crop,
    "scale": lambda cfg: "{:g} to {:g}".format(*part(cfg, "RandomResize").ratio_range),
    "blur": lambda cfg: f"probability {part(cfg, 'RandomBlur').prob:g}",
    "batch norm": segmentation_norm,
    "images a step": lambda cfg: number(batch(cfg)),
    "epochs": lambda cfg: number(cfg.train_cfg.max_iters / (IMAGES_ADE20K // batch(cfg))),
    "learning rate": lambda cfg: number(rate(cfg)),
    "head learning rate": head_rate,
    "evaluation": lambda cfg: cfg.benchmark.protocol,
}
