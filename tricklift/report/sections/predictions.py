"""Look rather than read: what two rows answer on the same images, the largest differences first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tricklift.records.predictions import find_folder
from tricklift.report import answers as rows
from tricklift.report import disagreement, thumbnails
from tricklift.report.answers import Answers, Image, Pair
from tricklift.report.html import fill
from tricklift.report.section import Section, csv_file
from tricklift.report.study import Study
from tricklift.tables.page import TASK_NAMES

NAMES = {**TASK_NAMES, "cls": "classification"}
#: A part takes no more images once its pictures have so many letters: rows may be many.
MOST_LETTERS = 600_000
#: With more, a key of colours tells nobody anything.
MOST_CLASSES = 40
HEADER = ("tier", "task", "image", "row", "value", "of")
#: What an image's value is called.
VALUES = {"cls": "right", "det": "F1", "seg": "pixels right, %"}


@dataclass(frozen=True)
class Panel:
    """One row's answer on one image.

    Attributes:
        row: Place of the row; -1 for the truth.
        title: In words, for those who do not see it.
        told: Below the picture.
        drawn: SVG over the picture; None: this row has no picture of its own.
    """

    row: int
    title: str
    told: str
    drawn: Markup | None


def section(study: Study) -> Section | None:
    """A part a tier and task in which two rows left predictions; None where no run left any."""
    count = study.pictures
    if not count:
        return None
    found, missing = rows.of_study(study)
    if not found:
        return None
    parts: list[dict[str, Any]] = []
    lines: list[tuple[object, ...]] = []
    for answers in found:
        try:
            part, values = _part(answers, count, study.tier_ids[answers.tier])
        except (ValueError, IndexError) as error:  # of somebody else: maps of other sizes, classes
            missing.append(f"{answers.tier}, {NAMES[answers.task]}: {error}")
            continue
        parts.append(part)
        lines += [
            (answers.tier, answers.task, name, label, value, VALUES[answers.task])
            for name, each in values.items()
            for label, value in each.items()
        ]
    body = fill("predictions.html", parts=parts, missing=missing, study=study)
    return Section("Look", "look", body, [csv_file("images.csv", HEADER, lines)])


def _part(
    answers: Answers, count: int, tier_id: str
) -> tuple[dict[str, Any], dict[str, dict[str, float | None]]]:
    held = answers.images()
    of_pairs = rows.differences(answers)
    names = rows.chosen(of_pairs, answers.pair, count)
    labels = list(answers.said)
    said = answers.any
    folder = find_folder(said.folder, said.root)
    colours = thumbnails.colours(len(said.classes), said.palette)
    cards: list[dict[str, Any]] = []
    for name in names:
        images = {label: held[label][name] for label in labels}
        cards.append(_card(answers, images, name, folder, colours))
        if sum(map(_letters, cards)) > MOST_LETTERS:
            break
    names = names[: len(cards)]
    told = {
        f"{labels.index(pair[0])}-{labels.index(pair[1])}": [round(values[n], 4) for n in names]
        for pair, values in of_pairs.items()
    }
    part = {
        "key": f"look-{tier_id}-{answers.task}",
        "tier": answers.tier,
        "task": answers.task,
        "name": NAMES[answers.task],
        "labels": labels,
        "colours": _key(said.classes, colours) if answers.task == "seg" else {},
        "seeds": sorted({seed for seed in answers.seeds.values() if seed is not None}),
        "first": [labels.index(label) for label in answers.pair],
        "shown": count,
        "cards": cards,
        "differences": json.dumps(told, separators=(",", ":")),
        "sentences": _sentences(answers, held, of_pairs),
        "compared": len(next(iter(of_pairs.values()))),
        "kept": len(said.images),
        "images_of_set": said.images_of_set,
        "gone": folder if cards and not any(card["picture"] for card in cards) else None,
        "left_out": answers.left_out,
        "scores": ", ".join(f"{label} {least:g}" for label, least in answers.least.items()),
    }
    return part, {
        name: {label: value_of(answers, label, held[label][name]) for label in labels}
        for name in names
    }


def _key(classes: Sequence[str], colours: Sequence[Sequence[int]]) -> dict[str, str]:
    """Class -> its colour in the pictures; nothing where they are too many to be told apart."""
    if len(classes) > MOST_CLASSES:
        return {}
    return {it: "#" + bytes(rgb).hex() for it, rgb in zip(classes, colours, strict=False)}


def _card(
    answers: Answers,
    images: Mapping[str, Image],
    name: str,
    folder: Path,
    colours: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """An image with a panel a row; its picture is None where the file is not there."""
    file, one = folder / name, next(iter(images.values()))
    width, height = one.get("size") or _size_of(file)
    panel = PANELS[answers.task]
    panels = [panel(answers, -1, "truth", one, colours)]
    panels += [
        panel(answers, place, label, image, colours)
        for place, (label, image) in enumerate(images.items())
    ]
    return {
        "name": name,
        "width": width,
        "height": height,
        "line": round(max(width, height) / 22, 1),  # of letters, in pixels of the image
        "picture": thumbnails.picture(file),
        "panels": [panel for panel in panels if panel is not None],
    }


def _letters(card: Mapping[str, Any]) -> int:
    drawn = sum(len(panel.drawn or "") for panel in card["panels"])
    return drawn + len(card["picture"] or "")


def _size_of(file: Path) -> tuple[int, int]:
    from PIL import Image as Files

    try:
        with Files.open(file) as held:
            return held.size
    except OSError:
        return (4, 3)  # nothing is drawn over it


def _class_panel(answers: Answers, place: int, label: str, image: Image, colours: Any) -> Panel:
    name, classes = image["name"], answers.any.classes
    if place < 0:
        word = _word(classes, image["label"])
        return Panel(place, f"{name}: it is {word}", word, Markup())  # the one picture
    word, right = _word(classes, image["top1"]), image["label"] == image["top1"]
    told = f"{'✓' if right else '✗'} {word}"
    return Panel(place, f"{label} says {word}: {'right' if right else 'wrong'}", told, None)


def _box_panel(
    answers: Answers, place: int, label: str, image: Image, colours: Any
) -> Panel | None:
    name, classes = image["name"], answers.any.classes
    truth = image["truth"]
    if place < 0:
        if truth is None:
            return None
        things = [(box, "ignored" if box[5] else "thing", _word(classes, box[4])) for box in truth]
        told = f"{len(truth)} object{'' if len(truth) == 1 else 's'}"
        return Panel(place, f"{name}: {told}", told, _boxes(things))
    found = disagreement.match(image["boxes"], truth or [], answers.least[label])
    words = [f"{_word(classes, box[4])} {box[5]:.2f}" for box in found.boxes]
    if truth is None:
        drawn = _boxes([(box, "thing", word) for box, word in zip(found.boxes, words, strict=True)])
        told = f"{len(words)} boxes"
        return Panel(place, f"{label} on {name}: {told}", told, drawn)
    kinds = {True: "hit", False: "wrong", None: "ignored"}
    shown = [(box, "missed", "") for box in found.missed]
    shown += [
        (box, kinds[right], word)
        for box, right, word in zip(found.boxes, found.right, words, strict=True)
    ]
    counts = f"{found.right.count(True)} right, {found.right.count(False)} wrong"
    told = f"F1 {found.f1:.2f}: {counts}, {len(found.missed)} missed"
    return Panel(place, f"{label} on {name}: {told}", told, _boxes(shown))


def _boxes(things: Sequence[tuple[Sequence[float], str, str]]) -> Markup:
    """SVG of boxes, each with how it is drawn and a word."""
    boxes = [
        {"x": box[0], "y": box[1], "width": round(box[2] - box[0], 1),
         "height": round(box[3] - box[1], 1), "kind": kind, "word": word}
        for box, kind, word in things
    ]  # fmt: skip
    return fill("boxes.html", boxes=boxes)


def _map_panel(
    answers: Answers, place: int, label: str, image: Image, colours: Any
) -> Panel | None:
    name, classes = image["name"], answers.any.classes
    truth = rows.map_of(image, "truth")
    if place < 0 and truth is None:
        return None
    labels = truth if place < 0 else rows.map_of(image, "labels")
    width, height = image["size"]
    drawn = fill(
        "map.html", address=thumbnails.label_map(labels, colours), width=width, height=height
    )
    told = most = _largest(labels, classes)
    if place >= 0 and truth is not None:
        told = f"{100 * disagreement.pixel_accuracy(labels, truth):.1f} % of pixels right; {most}"
    return Panel(place, f"{name}, {label}: {told}", told, drawn)


def _largest(labels: Any, classes: Sequence[str]) -> str:
    """The classes with the most pixels, in words."""
    import numpy as np

    values, counts = np.unique(labels[labels != disagreement.IGNORED], return_counts=True)
    order = np.argsort(-counts)[:3]
    return ", ".join(_word(classes, int(values[place])) for place in order) or "nothing"


PANELS = {"cls": _class_panel, "det": _box_panel, "seg": _map_panel}


def _word(classes: Sequence[str], label: float) -> str:
    return classes[int(label)] if int(label) < len(classes) else f"class {int(label)}"


def value_of(answers: Answers, label: str, image: Image) -> float | None:
    """How good an answer is: 1 or 0, F1 from 0 to 1, or percent; None where nothing tells it."""
    if answers.task == "cls":
        return float(image["label"] == image["top1"])
    if image["truth"] is None:
        return None
    if answers.task == "det":
        return round(disagreement.f1_of(image, answers.least[label]), 4)
    maps = rows.map_of(image, "labels"), rows.map_of(image, "truth")
    return round(100 * disagreement.pixel_accuracy(*maps), 2)


def _sentences(
    answers: Answers,
    held: Mapping[str, Mapping[str, Image]],
    of_pairs: Mapping[Pair, Mapping[str, float]],
) -> dict[str, str]:
    """Pair of places -> what is to be said of it, over all images and not only those shown."""
    labels, found = list(answers.said), {}
    for (one, other), values in of_pairs.items():
        count, differ = len(values), sum(value > 0 for value in values.values())
        said = f"The two differ on {differ} of {count} images"
        if answers.task == "cls":
            only = [_right_alone(held[a], held[b]) for a, b in ((one, other), (other, one))]
            said = (
                f"Of {count} images {only[0]} are right by {one} alone, {only[1]} by {other} alone"
            )
        elif answers.task == "seg" and count:
            mean = 100 * sum(values.values()) / count
            said = f"On the mean of {count} images they differ in {mean:.1f} % of the pixels"
        found[f"{labels.index(one)}-{labels.index(other)}"] = said + "."
    return found


def _right_alone(mine: Mapping[str, Image], others: Mapping[str, Image]) -> int:
    return sum(
        image["label"] == image["top1"] != others[name]["top1"] for name, image in mine.items()
    )
