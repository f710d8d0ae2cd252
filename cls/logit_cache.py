"""A teacher's logits of a fixed set of images, on disk.

Where the training images never change (no random crop, flip, colour or mixup) the teacher's answer
to each stays the same: it is computed once, and the teacher is not needed in later epochs and runs.

A cache is a folder of parts, safetensors files that hold one vector of logits an image. Its key is
the file's name below the data root with its size in bytes (``ant/7.jpg@1234``); the metadata hold a
hash of the teacher's weights and of all that is done to an image. Parts appear whole or not at all
and are never changed, so a stopped run goes on with the images that are still missing.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tricklift.ground.atomic import replacing

FORMAT = "tricklift-logits"
#: Images a part: what a stopped run loses at the most.
PART = 2048


def fingerprint(network: nn.Module, preprocessing: Any) -> str:
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
        made_by: `fingerprint` of the teacher and the preprocessing.

    Raises:
        ValueError: The folder holds logits of another teacher or preprocessing, or a file that is
            no such part.
    """

    def __init__(self, folder: str | Path, made_by: str) -> None:
        self.folder = Path(folder)
        self.made_by = made_by
        self.logits: dict[str, Tensor] = {}
        for file in self._parts():
            self.logits.update(self._read(file))

    def _parts(self) -> list[Path]:
        """Whole parts; hidden files are what a killed run was writing."""
        files = sorted(self.folder.glob("*.safetensors"))
        return [file for file in files if not file.name.startswith(".")]

    def _read(self, file: Path) -> dict[str, Tensor]:
        try:
            with safe_open(file, framework="pt") as part:
                metadata = part.metadata() or {}
                held = {key: part.get_tensor(key) for key in part.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"{file} cannot be read ({error}); remove it") from error
        if metadata.get("format") != FORMAT or metadata.get("made_by") != self.made_by:
            raise ValueError(
                f"{file} holds logits of another teacher or of images prepared in another way; "
                "give model.distillation.cache another folder, or remove this one"
            )
        return held

    def fill(
        self,
        keys: Sequence[str],
        answer: Callable[[list[int]], Tensor],
        part: int = PART,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Compute and keep what is missing of `keys`.

        Args:
            keys: Of all images.
            answer: Gives the logits ``(n, K)`` of the images at these places of `keys`.
            part: Images a file.
            progress: Is told how many are done, of how many.

        Returns:
            How many were computed.
        """
        missing = [place for place, key in enumerate(keys) if key not in self.logits]
        for start in range(0, len(missing), part):
            places = missing[start : start + part]
            logits = answer(places).cpu().float()
            held = {keys[place]: row.clone() for place, row in zip(places, logits, strict=True)}
            with replacing(self._next()) as temporary:
                save_file(held, temporary, {"format": FORMAT, "made_by": self.made_by})
            self.logits.update(held)
            if progress:
                progress(start + len(places), len(missing))
        return len(missing)

    def _next(self) -> Path:
        number = 0
        while (file := self.folder / f"{number:05d}.safetensors").exists():
            number += 1
        return file

    def table(self, keys: Sequence[str]) -> Tensor:
        """The logits ``(len(keys), K)``, float32, in the order of `keys`."""
        return torch.stack([self.logits[key] for key in keys])
