"""Configs for data of one's own, and a tier of them: written once, then the user's to change."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tricklift.configs import find_config, short_name
from tricklift.errors import UserError
from tricklift.own.code import Code, as_code
from tricklift.own.layouts import TASKS, find
from tricklift.own.report import Report, reader_settings, report, to_text
from tricklift.own.settings import Chosen, choose
from tricklift.records.atomic import read_json, write_text

#: What may be said of a set beside its path.
GIVEN = ("path", "classes", "size", "epochs")
#: Switches of a task's reader, which may be said beside them.
SWITCHES = {
    "cls": ("on_bad_image",),
    "det": ("on_bad_image",),
    "seg": ("on_bad_image", "images_without_masks"),
}
#: What detection and segmentation start from where nothing is pretrained and nothing was said.
LIBRARY = ("timm/resnet18.tv_in1k",)
TRICKS = ("resnet_d", "efficient", "cosine", "label_smoothing", "mixup")
_HEAD = '''"""{what}
{reasons}

Written by tricklift from the data; change what you like, it is not written again. Delete the file
to have the data looked at anew.
"""

_base_ = "tricklift::{leaf}.py"
'''


def config_for(
    leaf: str, given: str | Path | Mapping[str, Any], place: Path, say: Any = print
) -> Path:
    """The config of a provided leaf for a set of one's own; written where it is not there yet.

    Args:
        leaf: Such as `det/own` or `det/own/faster_rcnn_c4`.
        given: The folder, or a mapping with `path` and others of `GIVEN` and `SWITCHES`.
        place: Folder to write into.
        say: Gets what was found and chosen.

    Raises:
        UserError: The data are not known, or a training would refuse them; or the config there is
            of another folder.
    """
    held: dict[str, Any] = {"path": given} if isinstance(given, str | Path) else dict(given)
    leaf = str(short_name(find_config(leaf)))
    task = leaf.partition("/")[0]
    taken = (*GIVEN, *SWITCHES[task])
    if "path" not in held or held.keys() - set(taken):
        raise UserError(f"own data take {', '.join(taken)} ('path' is needed), got {held}")
    root = Path(held["path"]).expanduser().absolute()
    file, record = place / f"{task}.py", place / f"{task}.json"
    if file.is_file():
        before = read_json(record)
        if before.get("path") != str(root) or before.get("leaf") != leaf:
            raise UserError(
                f"{file} was written for {before.get('leaf')} on {before.get('path')}, not for "
                f"{leaf} on {root}; give another folder, or delete that file"
            )
        say(f"{file}: kept as it is")
        return file
    layout = find(root, task, classes=tuple(held.get("classes") or ()))
    switches = {key: held[key] for key in SWITCHES[task] if key in held}
    layout = replace(layout, settings={**layout.settings, **switches})
    found = report(layout, place / task)
    say(to_text(found))
    if found.wrong:
        raise UserError(
            f"{root} cannot be trained on: {found.wrong[0]}"
            + (f" (and {len(found.wrong) - 1} more)" if found.wrong[1:] else "")
            + "; bad images alone are left out by `on_bad_image: skip` beside `path` in a tier file"
            + (", images without masks by `images_without_masks: skip`" if task == "seg" else "")
        )
    chosen = choose(found, held.get("size"), held.get("epochs"))
    say("\n".join(f"chosen: {reason}" for reason in chosen.reasons))
    known = {"leaf": leaf, "batch": chosen.keys["train_dataloader"]["batch_size"]}
    write_text(record, json.dumps({**known, **found.to_json()}, indent=2) + "\n")
    write_text(file, _text(leaf, found, chosen, place / task))
    say(f"written: {file}")
    return file


def _text(leaf: str, found: Report, chosen: Chosen, place: Path) -> str:
    """The config's file."""
    layout, keys = found.layout, dict(chosen.keys)
    named: dict[str, Any] = {"classes": layout.classes}
    for split, part in (("train", layout.train), ("val", layout.val)):
        loader = keys[f"{split}_dataloader"]
        settings = reader_settings(layout, part, place, split)
        if "metainfo" in settings:
            settings["metainfo"] = {"classes": Code("classes")}
        pipeline = f"{split}_pipeline"
        named[pipeline] = loader["dataset"]["pipeline"]
        same = {"pipeline": Code(pipeline)}
        keys[f"{split}_dataloader"] = {**loader, "dataset": {"_delete_": True, **settings, **same}}
    keys["test_dataloader"] = Code("val_dataloader")
    keys["benchmark"] = {**keys.get("benchmark", {}), "dataset": layout.root.name}
    what = f"{layout.kind} at {layout.root}.\n\n{found.train.images} images for training, "
    what += f"{found.val.images} for validation, {len(layout.classes)} classes. Chosen:\n"
    reasons = "\n".join(f"- {reason}" for reason in chosen.reasons)
    return _HEAD.format(what=what, reasons=reasons, leaf=leaf) + as_code({**named, **keys})


def tier_file(
    held: Mapping[str, Any],
    place: Path,
    weights: Sequence[str] = (),
    networks: Sequence[str] = (),
    say: Any = print,
) -> Path:
    """A tier of own data, as a file that `tricklift run` takes.

    Args:
        held: As a tier file has it, with `own`: task -> folder, or a mapping with others of
            `GIVEN`. Rows, networks and heads that it does not say are ours.
        place: Folder to write configs and the tier into.
        weights: Exported files, or names such as `timm/resnet18`, to start from.
        networks: Those of `--backbones`. Without data for pretraining they start from random
            weights, those of timm from timm's too.
        say: Gets what was found and chosen.

    Raises:
        UserError: No data, an unknown task, or what `config_for` refuses.
    """
    import yaml

    own = held.get("own")
    if not isinstance(own, Mapping) or not own or own.keys() - set(TASKS):
        raise UserError(f"'own' takes {', '.join(TASKS)} with a folder each, got {own!r}")
    leaves = {task: config_for(f"{task}/own", given, place, say) for task, given in own.items()}
    tier: dict[str, Any] = {"name": "own", "about": "data of one's own"}
    if "cls" in leaves:
        tier["rows"] = _rows(read_json(place / "cls.json"), other_networks=bool(networks))
    elif not weights and "weights" not in held:
        weights = [name for name in networks if name.startswith("timm/")] or LIBRARY
    heads = [task for task in ("det", "seg") if task in leaves]
    tier["downstream"] = [{"task": task, "config": f"{task}.py"} for task in heads]
    if heads:
        pretrains = "cls" in leaves
        tier["random_init"] = ["resnet18_b"] if pretrains else list(networks) or ["resnet18_b"]
        tier["weights"] = [_weights(ref) for ref in weights]
    elif weights:
        raise UserError("--weights starts detection or segmentation; add --det or --seg")
    tier |= {key: value for key, value in held.items() if key != "own"}
    file = place / "tier.yaml"
    write_text(file, yaml.safe_dump(tier, sort_keys=False, allow_unicode=True))
    return file


def _rows(record: Mapping[str, Any], other_networks: bool) -> list[dict[str, Any]]:
    """The plain recipe, and the paper's tricks on twice its batch.

    Where other networks take the place of ours, ResNet-D is not among the tricks.
    """
    images = record["splits"]["train"]["images"]
    twice = min(2 * record["batch"], max(2, images // 4))
    plain = {"name": "B-standard", "config": "cls.py", "backbone": "resnet18_b"}
    tricks = {"name": "D-tricks", "title": "D-tricks", "config": "cls.py", "backbone": "resnet18_d"}
    more = {"tricks": list(TRICKS), "options": [f"train_dataloader.batch_size={twice}"]}
    if other_networks:
        tricks |= {"name": "B-tricks", "title": "B-tricks", "backbone": "resnet18_b"}
        more["tricks"] = [trick for trick in TRICKS if trick != "resnet_d"]
    return [{**plain, "recipe": "standard"}, {**tricks, "recipe": "tricks", **more}]


def _weights(ref: str) -> dict[str, str]:
    """A row that starts from weights of a library or of an exported file."""
    from backbones import hub
    from backbones.libraries import is_reference, parse_reference
    from tricklift.records.identity import read_header

    if is_reference(ref):
        library, network, _ = parse_reference(ref)
        backbone = f"timm/{network}" if library == "timm" else _of_torchvision(network)
        return {"name": ref.replace("/", "_"), "backbone": backbone, "checkpoint": ref}
    file = hub.fetch(ref) if hub.is_address(ref) else Path(ref).absolute()
    name = ref.removeprefix(hub.PREFIX).replace("/", "_") if hub.is_address(ref) else file.stem
    backbone = read_header(file).get("architecture", "")
    if not backbone:
        raise UserError(
            f"--weights: {ref} does not say which network it is of; give an exported file "
            "(`tricklift export`), timm/NAME or hf://USER/NAME"
        )
    return {"name": name, "backbone": backbone, "checkpoint": str(file)}


def _of_torchvision(network: str) -> str:
    """Our name of a network of torchvision's."""
    import backbones
    from backbones.naming import library_naming

    for name in backbones.names():
        try:
            if library_naming(name, "torchvision").network == network:
                return name
        except UserError:
            continue
    raise UserError(f"--weights: no backbone here is torchvision's {network!r}; try timm/{network}")
