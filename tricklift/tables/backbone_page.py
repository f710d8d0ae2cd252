"""The page about all backbones: a table from the networks themselves, and a picture."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

import backbones
from tricklift.errors import UserError
from tricklift.records.atomic import replacing, write_text

Entry = dict[str, Any]
COMMAND = "tricklift list backbones --out docs/backbones.md"
INTRODUCTION = """# Backbones

Written by `{command}`. Counts come from the networks, with a
1000-way head and the input size given; MACs are those of convolutions, involutions and linear
layers. Top-1 is as published by others for ImageNet-1k, a range where recipes differ (sources
below the table; "timm, TAG" is timm's table results-imagenet.csv). It is no result of this project.

![Parameters, MACs and published top-1]({picture})

Any other network of timm with feature maps at growing strides works by its name too, e.g.
`timm/convnext_atto`; what it cannot do (images of any size, an output stride, a C4 head) is refused
with the reason.

"""
USE = """
## Use one

The name is one word in any config, and `tricklift run` takes it too. To pretrain, export and
transfer one on generated data:

    tricklift run mini --out runs --rows resnet18_b-baseline,random-init --backbones rednet26

[results/zoo-mini.md](results/zoo-mini.md) has a short run of every family. As configs of your own,
beside the folder `configs`:

```python
_base_ = ["configs/cls/mini/resnet18_b-baseline.py"]
model = dict(backbone=dict(name="rednet26"))
row = "RedNet-26"
```

```python
_base_ = ["configs/det/mini/faster_rcnn_fpn.py"]
model = dict(backbone=dict(name="rednet26", checkpoint="rednet26.safetensors"))
```

```python
_base_ = ["configs/seg/mini/fcn.py"]
model = dict(backbone=dict(name="rednet26", checkpoint="rednet26.safetensors"))
```

## Graphs

`torch.export` and `torch.jit.trace` take every one of them; `torch.jit.script` takes none. ONNX
(`tricklift export --format onnx`) holds all but VGG, whose head in timm averages maps below 7x7,
and networks with deformable stages; those are refused with the reason.

## Options

What `model.backbone` takes beside `name`, and which families know it:

"""
#: Option -> what it does.
OPTIONS = {
    "width": "factor on all channel counts",
    "output_stride": "input pixels per pixel of the last map, 32, 16 or 8 (dilated)",
    "zero_gamma": "the last norm of each residual block starts at 0 (PreResNet: convolution)",
    "init": "`kaiming` or `xavier`; of timm's networks also `timm`, their own",
    "gradient_checkpointing": "less memory in training, for more time",
    "se": "squeeze-and-excitation in every block",
    "deformable_stages": "the stages, counted from 0, whose 3x3 convolutions are deformable",
    "deformable_modulated": "deformable convolution of version 2",
    "stem_kernel": "3 as in the authors' classifier, or 7 as in their detector; "
    "`backbones.rednet.with_stem_kernel` turns weights with 3 into weights with 7 that compute the "
    "same; [what an involution costs](results/involution.md)",
}
ALWAYS = (
    "- `{trick}`: {names} are published with it and do not train without; it is on unless "
    "`{trick}=False` is set, and their rows and results say so"
)
#: Colours that are told apart by all (Okabe and Ito), each with every marker before the next.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D")


def write_page(file: str | Path, entries: Sequence[Entry]) -> list[Path]:
    """Write the page and, in ``images/`` beside it, its picture; each whole or not at all.

    Args:
        file: The page, Markdown.
        entries: What `backbones.describe` says of each.

    Returns:
        The files written.
    """
    page = Path(file)
    picture = page.parent / "images" / f"{page.stem}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    _draw(entries, picture)
    write_text(page, _markdown(entries, f"images/{picture.name}"))
    return [page, picture]


def _markdown(entries: Sequence[Entry], picture: str) -> str:
    rows, refusals = [], []
    for entry in entries:
        name = entry["name"]
        reasons = (refused(name, output_stride=8), refused(name, stage=3))
        refusals += [f"- {reason}" for reason in reasons if reason]
        approximate = str(entry["paper"]).startswith("Approximate")
        cells = [
            f"`{name}`",
            f"{entry['params']:,}",
            f"{entry['macs'] / 1e9:.2f}",
            str(entry["input_size"]),
            " ".join(map(str, entry["channels"])),
            entry["published_top1"] or ("approximate net" if approximate else "-"),
            *("no" if reason else "yes" for reason in reasons),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    every = [(e, f"`{e['name']}`") for e in entries]
    always = _grouped((trick, name) for e, name in every for trick in e["built_in"])
    top1 = _grouped((e["published_source"], name) for e, name in every if e["published_source"])
    infos = [backbones.info(entry["name"]) for entry in entries]
    options = _grouped((option, known.family) for known in infos for option in known.options)
    families = dict.fromkeys((family_of(e), e["paper"], e["source"]) for e in entries)
    return INTRODUCTION.format(command=COMMAND, picture=picture) + "\n".join(
        [
            "| name | params | GMACs | input | channels at strides 4 8 16 32 | top-1 "
            "| output stride 8 | C4 head |",
            "| --- | ---: | ---: | ---: | --- | --- | --- | --- |",
            *rows,
            "\n## Always with a trick\n",
            *(ALWAYS.format(trick=trick, names=names) for trick, names in always.items()),
            "\n## What is refused, and why\n",
            *refusals,
            USE
            + "\n".join(f"- `{name}`: {OPTIONS[name]} ({who})" for name, who in options.items()),
            "\n## Where the published top-1 is from\n",
            *(f"- {names}: {source}" for source, names in top1.items()),
            "\n## Papers and sources\n",
            *(f"- {family}: {paper} ({source})" for family, paper, source in families),
            "",
        ]
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What stands with each key, joined by commas."""
    found: dict[str, dict[str, None]] = {}
    for key, name in pairs:
        found.setdefault(key, {})[name] = None
    return {key: ", ".join(who) for key, who in found.items()}


def family_of(entry: Entry) -> str:
    """A timm network is a family of its own here; of ours, the registered family."""
    name = entry["name"]
    return name if name.startswith("timm/") else backbones.info(name).family


def refused(name: str, stage: int | None = None, **options: Any) -> str | None:
    """Why the network cannot be built with `options`, or `stage` of it cannot be a box head."""
    try:
        with torch.device("meta"):
            network = backbones.build(name, num_classes=1, **options)
        if stage is not None:
            network.stage(stage)
    except UserError as error:
        return str(error)
    return None


def _draw(entries: Sequence[Entry], file: Path) -> None:
    from matplotlib.figure import Figure  # an object of its own: no window system is asked for

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    families = list(dict.fromkeys(family_of(entry) for entry in entries))
    for number, family in enumerate(families):
        own = [entry for entry in entries if family_of(entry) == family]
        style = {
            "color": COLOURS[number // len(MARKERS) % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
            "linestyle": "",
            "label": family,
        }
        left.plot([e["params"] / 1e6 for e in own], [e["macs"] / 1e9 for e in own], **style)
        for entry in own:
            if entry["published_top1"]:
                bounds = [float(v) for v in entry["published_top1"].split("-")]
                right.plot([entry["macs"] / 1e9] * len(bounds), bounds, **style)
    left.set(xscale="log", yscale="log", xlabel="parameters (millions)", ylabel="GMACs")
    right.set(xscale="log", xlabel="GMACs", ylabel="ImageNet top-1 as published (%)")
    for panel in (left, right):
        panel.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center", fontsize="small")
    with replacing(file) as temporary:
        figure.savefig(temporary, dpi=110)
