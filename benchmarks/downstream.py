"""One step of a detector and of a segmenter: our backbone and precision against stock configs.

Both sides run the same ops in the same process and take turns; the data are one batch in memory.
Beside the speed, the losses of both are followed over the same steps from the same weights: what is
fast has to learn alike.
"""

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.measure import Finding, Progress, against, take_turns
from benchmarks.operators import beside, times

DETECTOR = "mmdet::pascal_voc/faster-rcnn_r50_fpn_1x_voc0712.py"
SEGMENTER = "mmseg::fcn/fcn_r50-d8_4xb4-80k_ade20k-512x512.py"
STEPS = 30
LOSS_TOLERANCE = 0.02
TARGET = 1.8


def bench_det(say: Progress) -> list[Finding]:
    """Faster R-CNN R50-FPN, 2 images of 600 x 400 px."""
    case = "Faster R-CNN R50-FPN, 2 x 600 x 400 px"
    return _bench("det", case, stock_config(DETECTOR), detection_batch(), say)


def bench_seg(say: Progress) -> list[Finding]:
    """FCN R50-D8, 2 crops of 256 px."""
    case = "FCN R50-D8, 2 x 256 x 256 px"
    return _bench("seg", case, stock_config(SEGMENTER), segmentation_batch(), say)


def _bench(
    bench: str, case: str, stock: Any, batch: dict[str, Any], say: Progress
) -> list[Finding]:
    peer = Trainee(built(stock, ours=False), batch, bfloat16=False)
    ours = Trainee(built(stock, ours=True), batch, bfloat16=True)
    share_weights(peer.model, ours.model)
    laps = take_turns({"ours": ours.step, "stock": peer.step}, repetitions=STEPS - 1, say=say)
    case += ", TrickBackbone in bfloat16 and channels-last, against the stock config"
    known = {"bench": bench, "case": case, "unit": "steps/s"}
    speed = against(laps, "stock", amount=1, at_least=TARGET, **known)
    losses = [alike(bench, ours.losses, peer.losses)]
    if not losses[0].met:
        say("how far chance alone takes two runs apart")
        losses.append(chance(bench, Trainee(built(stock, ours=False), batch, False, 1000), peer))
    say("where a step's time goes")
    return [replace(speed, split=beside(times(ours.step), times(peer.step))), *losses]


def mean(losses: list[float]) -> float:
    """Their arithmetic mean."""
    return sum(losses) / len(losses)


def alike(bench: str, ours: list[float], peer: list[float]) -> Finding:
    """Whether two runs of as many steps have about the same mean loss."""
    own, other = mean(ours), mean(peer)
    case = f"mean loss over {len(ours)} steps from the same weights, bfloat16 against float32"
    target, apart = f"within {LOSS_TOLERANCE:.0%} of float32's", abs(own / other - 1)
    return Finding(bench, case, own, "loss", other, None, target, apart <= LOSS_TOLERANCE)


def chance(bench: str, other: "Trainee", peer: "Trainee") -> Finding:
    """What the check of `alike` says of float32 against itself, where only the samples differ.

    `peer` has made its steps; `other` is its model as it was at first, and is trained here.
    """
    for _ in peer.losses:
        other.step()
    case = f"limit: mean loss over {len(peer.losses)} steps, float32 with other random RoI samples "
    return Finding(bench, f"{case}against float32", mean(other.losses), "loss", mean(peer.losses))


class Trainee:
    """A detector or segmenter with its optimizer and one batch, and its losses so far.

    `first_seed` is that of the first step's random numbers (anchors, dropout); then one more each.
    """

    def __init__(
        self, model: Any, batch: dict[str, Any], bfloat16: bool, first_seed: int = 0
    ) -> None:
        from mmengine.optim import OptimWrapper

        from tricklift.compat.amp import AmpOptimWrapper

        self.model = model.train()
        self.batch = batch
        self.first_seed = first_seed
        optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9, weight_decay=1e-4)
        wrapper = partial(AmpOptimWrapper, dtype="bfloat16") if bfloat16 else OptimWrapper
        self.wrapper = wrapper(optimizer=optimizer)
        self.losses: list[float] = []

    def step(self) -> None:
        """One training step as the Runner makes it."""
        # Both sides sample the same anchors and drop the same.
        torch.manual_seed(self.first_seed + len(self.losses))
        log = self.model.train_step(copy.deepcopy(self.batch), self.wrapper)
        self.losses.append(log["loss"].item())


def stock_config(name: str) -> Any:
    """A config that mmdet or mmseg ships, without pretrained weights."""
    from mmengine.hub import get_config

    import tricklift.compat.setup  # noqa: F401

    cfg = get_config(name)
    cfg.model.backbone.init_cfg = None
    cfg.model.pop("pretrained", None)
    return cfg


def built(stock: Any, ours: bool) -> Any:
    """The stock model, or the same one with our backbone in its place."""
    from mmengine.registry import MODELS, DefaultScope

    import backbones.wrapper  # noqa: F401

    cfg = copy.deepcopy(stock.model)
    frozen, stride = cfg.backbone.get("frozen_stages", -1), 32
    if stock.default_scope == "mmseg":
        stride = 8
        for part in (cfg, cfg.decode_head, cfg.auxiliary_head, cfg.backbone):
            if "norm_cfg" in part:
                part.norm_cfg = {"type": "BN", "requires_grad": True}
    if ours:
        variant = "c" if cfg.backbone.type == "ResNetV1c" else "b"
        cfg.backbone = {
            "type": "TrickBackbone",
            "name": f"resnet50_{variant}",
            "frozen_stages": frozen,
            "norm_eval": cfg.backbone.get("norm_eval", False),
            "output_stride": stride,
            "channels_last": True,
        }
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(stock.default_scope):
        return MODELS.build(cfg)


def share_weights(stock: Any, ours: Any) -> None:
    """Give our model the stock one's weights, the backbone's by our names for them."""
    from backbones.naming import library_naming

    state = dict(stock.state_dict())
    theirs = {key: state.pop(key) for key in list(state) if key.startswith("backbone.")}
    renamed = library_naming(ours.backbone.net.name, "mmdet").from_library(
        {key.removeprefix("backbone."): value for key, value in theirs.items()}
    )
    state |= {f"backbone.net.{key}": value for key, value in renamed.items()}
    ours.load_state_dict(state)


def detection_batch() -> dict[str, Any]:
    """Two images of 600 x 400 px with three boxes each."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    boxes = torch.tensor([[30.0, 40, 200, 220], [250, 100, 420, 380], [400, 20, 580, 200]])
    sample = DetDataSample(metainfo={"img_shape": (400, 600), "scale_factor": (1.0, 1.0)})
    sample.set_metainfo({"ori_shape": (400, 600), "pad_shape": (400, 600)})
    sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([1, 7, 14]))
    return {"inputs": pictures(2, 400, 600), "data_samples": [sample, copy.deepcopy(sample)]}


def segmentation_batch() -> dict[str, Any]:
    """Two crops of 256 px with six classes."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    labels = (torch.arange(256)[:, None] // 100 * 3 + torch.arange(256) // 100)[None]
    sample = SegDataSample(metainfo={"img_shape": (256, 256), "ori_shape": (256, 256)})
    sample.gt_sem_seg = PixelData(data=labels)
    return {"inputs": pictures(2, 256, 256), "data_samples": [sample, copy.deepcopy(sample)]}


def pictures(count: int, height: int, width: int) -> list[Tensor]:
    """Smooth random images, uint8 ``(3, H, W)``."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, height // 8, width // 8, generator=generator)
    full = nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return list((full * 255).to(torch.uint8))
