"""A teacher's logits of a fixed set of images, on disk.

Where the training images never change (no random crop, flip, colour or mixup) the teacher's answer
to each stays the same: it is computed once, and the teacher is not needed in later epochs and runs.

A cache is a folder of parts, safetensors files that hold one vector of logits an image. Its key is
the file's name below the data root with its size in bytes and a checksum of its end
(``ant/7.jpg@1234-0badcafe``); the metadata hold a hash of the teacher's weights and of all that is
done to an image. Parts appear whole or not at all and are never changed, so a stopped run goes on
with the images that are still missing, and several processes may fill it at a time, each with
images and with names of parts of its own.

The logits of a large set are gigabytes: they are in memory once, as one table.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tricklift.errors import UserError
from tricklift.records.atomic import replacing

FORMAT = "tricklift-logits"
#: Images a part: what a stopped run loses at the most.
PART = 2048


def teacher_fingerprint(network: nn.Module, preprocessing: Any) -> str:
    """sha256 (hex) of a teacher's weights and of a description of what is done to the images."""
    digest = hashlib.sha256(json.dumps(preprocessing, sort_keys=True, default=str).encode())
    for key, value in sorted(network.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
        flat = value.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class LogitCache:
    """Logits by image key in a folder.

    Args:
        folder: Where the parts are; made when the first one is written.
        made_by: `teacher_fingerprint` of the teacher and of the preprocessing.

    Attributes:
        parts: Image key -> the part that holds its logits.

    Raises:
        UserError: The folder holds logits of another teacher or preprocessing, or a file that is
            no such part.
    """

    def __init__(self, folder: str | Path, made_by: str) -> None:
        self.folder = Path(folder)
        self.made_by = made_by
        self.parts: dict[str, Path] = {}
        for file in self._parts():
            self.parts.update(dict.fromkeys(self._keys(file), file))

    def _parts(self) -> list[Path]:
        """Whole parts; hidden files are what a killed run was writing."""
        files = sorted(self.folder.glob("*.safetensors"))
        return [file for file in files if not file.name.startswith(".")]

    def _keys(self, file: Path) -> list[str]:
        """The images that a part holds, from its head."""
        try:
            with safe_open(file, framework="pt") as part:
                metadata, keys = part.metadata() or {}, list(part.keys())
        except SafetensorError as error:
            raise UserError(f"{file} cannot be read ({error}); remove it") from error
        if metadata.get("format") != FORMAT or metadata.get("made_by") != self.made_by:
            raise UserError(
                f"{file} holds logits of another teacher or of images prepared in another way; "
                "give model.distillation.cache another folder, or remove this one"
            )
        return keys

    def fill(
        self,
        keys: Sequence[str],
        answer: Callable[[list[int]], Tensor],
        part: int = PART,
        progress: Callable[[int, int], None] | None = None,
        writer: str = "",
    ) -> int:
        """Compute and keep what is missing of `keys`.

        Args:
            keys: Of all images, or of this process's share of them.
            answer: Gives the logits ``(n, K)`` of the images at these places of `keys`.
            part: Images a file.
            progress: Is told how many are done, of how many.
            writer: Ends the names of the parts; another one for each process that fills the folder
                at the same time.

        Returns:
            How many were computed.
        """
        missing = [place for place, key in enumerate(keys) if key not in self.parts]
        for start in range(0, len(missing), part):
            places = missing[start : start + part]
            logits = answer(places).cpu().float()
            held = {keys[place]: row.clone() for place, row in zip(places, logits, strict=True)}
            file = self._next(writer)
            with replacing(file) as temporary:
                save_file(held, temporary, {"format": FORMAT, "made_by": self.made_by})
            self.parts.update(dict.fromkeys(held, file))
            if progress:
                progress(start + len(places), len(missing))
        return len(missing)

    def _next(self, writer: str) -> Path:
        number = 0
        while (file := self.folder / f"{number:05d}{writer}.safetensors").exists():
            number += 1
        return file

    def table(self, keys: Sequence[str]) -> Tensor:
        """The logits ``(len(keys), K)``, float32, in the order of `keys`."""
        wanted: dict[Path, list[int]] = defaultdict(list)
        for place, key in enumerate(keys):
            wanted[self.parts[key]].append(place)
        table = torch.empty(0)
        for file, places in wanted.items():
            with safe_open(file, framework="pt") as part:
                for place in places:
                    row = part.get_tensor(keys[place])
                    if not len(table):
                        table = row.new_empty(len(keys), len(row))
                    table[place] = row
        return table
