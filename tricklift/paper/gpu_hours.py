"""What a full-tier run costs: an estimate in GPU-hours, read off its resolved config.

    seconds = images * (6 * MACs / throughput + 2 * teacher's MACs / teacher's throughput)

Images counts those of all epochs. A training step takes two floating-point operations for each
multiply-accumulate in the forward pass, and twice as many in the backward pass. The throughput is
what the paper's own machine gave (8 V100): its minutes per epoch (Table 3), network by network and
precision by precision; networks that Table 3 does not time get ResNet-50's. So the figures say
which rows are dear, not when a run on other GPUs will end.
"""

from functools import lru_cache

from tricklift.paper import numbers
from tricklift.paper.table_cells import GPUS, NETWORKS, resolved

IMAGENET = 1_281_167
#: Images that one epoch reads.
IMAGES = {"ImageNet-1k": IMAGENET, "Places365": 1_803_460, "VOC07+12": 5_011 + 11_540}
INPUT = 224
#: Multiply-accumulates (in thousand millions) for one image of 224 x 224, Inception-V3 299 x 299.
GMACS = {
    "resnet50_a": 3.86,
    "resnet50_b": 4.09,
    "resnet50_c": 4.33,
    "resnet50_d": 4.33,
    "resnet152_d": 11.75,
    "timm/inception_v3": 5.71,
    "timm/mobilenetv1_100": 0.57,
}
#: The same of whole detectors (608 x 800 pixels) and segmenters (480 x 480), on ResNet-50-B, -D.
DOWNSTREAM_GMACS = {
    "faster_rcnn_c4": {"resnet50_b": 153.5, "resnet50_d": 155.8},
    "faster_rcnn_fpn": {"resnet50_b": 98.4, "resnet50_d": 100.7},
    "fcn": {"resnet50_b": 130.5, "resnet50_d": 131.6},
    "pspnet": {"resnet50_b": 164.5, "resnet50_d": 165.6},
}
#: Networks that Table 3 times, with its row.
TIMED = {network: row for row, network, _ in NETWORKS}
OTHERS = "resnet50_a"


def throughput(network: str, half: bool) -> float:
    """Floating-point operations a second of one V100, by Table 3.

    Args:
        network: Name of the backbone.
        half: FP16 at batch 1024 instead of FP32 at batch 256.
    """
    like = network if network in TIMED else OTHERS
    timed = next(entry for entry in numbers.table(3)["rows"] if entry["row"] == TIMED[like])
    minutes = timed["minutes_per_epoch" if half else "baseline_minutes_per_epoch"]
    return float(6 * GMACS[like] * 1e9 * IMAGENET / (minutes * 60 * GPUS))


@lru_cache
def gpu_hours(name: str) -> float:
    """The estimate for a config of the full tier, in hours of one V100."""
    cfg = resolved(name)
    network = cfg.model.backbone.name
    half = cfg.optim_wrapper.type == "AmpOptimWrapper"
    heads = DOWNSTREAM_GMACS.items()
    gmacs = next((whole for head, whole in heads if name.split("/")[-1].startswith(head)), GMACS)
    seconds = 6 * gmacs[network] * 1e9 / throughput(network, half)
    teacher = (cfg.model.get("distillation") or {}).get("teacher")
    if teacher:
        steps = cfg.train_dataloader.dataset.pipeline
        side = next(step["size"] for step in steps if "RandomResizedCrop" in step["type"])
        macs = GMACS[teacher.name] * 1e9 * (side / INPUT) ** 2
        seconds += 2 * macs / throughput(teacher.name, half)
    if "max_iters" in cfg.train_cfg:
        images = cfg.train_cfg.max_iters * cfg.train_dataloader.batch_size * GPUS
    else:
        images = IMAGES[cfg.benchmark.dataset] * cfg.train_cfg.max_epochs
    return float(images * seconds / 3600)
