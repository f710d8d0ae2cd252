"""The kinds of jobs: a training, and an export of what it trained.

A job knows which jobs it waits for and whether it is done: a training when its `result.json` says
so for the very config and weights that it would run with now, an export when its file holds that
config's hash.
"""

import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tricklift.compat import imports
from tricklift.config_keys import parse_options
from tricklift.configs import silently
from tricklift.errors import MissingFileError
from tricklift.records import lock
from tricklift.records.atomic import read_json
from tricklift.records.identity import config_hash, read_header
from tricklift.records.schema import RESULT_FILE
from tricklift.records.weights import changed
from tricklift.train import build_config

TRICKLIFT = (sys.executable, "-P", "-m", "tricklift")
#: What a training is given beside its config, by `build_config` and on the command line.
GIVEN = ("work_dir", "seed", "backbone", "pretrained", "tricks", "teacher")
#: Below the output folder; hidden, so that `tricklift compare` passes it over.
STALE = ".stale"


@dataclass(frozen=True)
class Training:
    """A run of `tricklift train`.

    Attributes:
        name: Such as `det/resnet18_d-tricks-seed0/seed0`; also its folder below the output folder.
        config: Short name.
        work_dir: Where it is kept.
        seed: Of the run.
        backbone: Set over the config's, or None.
        pretrained: Exported file, `none`, or None to leave the config's.
        needs: Names of jobs that must be done before.
        options: `--cfg-options`.
        tricks: On top of the config's own.
        teacher: Of the trick `distillation`, where that is one of them.
    """

    name: str
    config: str
    work_dir: Path
    seed: int
    backbone: str | None = None
    pretrained: str | None = None
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    tricks: tuple[str, ...] = ()
    teacher: str | None = None

    def resolved(self) -> Mapping[str, Any]:
        """The config that this job would run now."""
        with silently():
            given = {key: getattr(self, key) for key in GIVEN}
            return build_config(self.config, options=parse_options(self.options), **given)

    def state(self) -> str:
        """`done`, `started` (to be resumed), `stale` (of another config or weights) or `new`."""
        result = read_json(self.work_dir / RESULT_FILE)
        if not result:
            return "stale" if any(self.work_dir.glob("*.pth")) else "new"
        cfg = self.resolved()
        same = (config_hash(cfg), self.seed) == (result.get("config_hash"), result.get("seed"))
        if not same or changed(cfg, result):
            return "stale"
        return "done" if result.get("status") == "done" else "started"

    def command(self, resume: bool) -> list[str]:
        """The command line of the child process."""
        parts = [*TRICKLIFT, "train", self.config]
        for key in GIVEN:
            value = getattr(self, key)
            text = ",".join(value) if key == "tricks" else value
            parts += [] if text in (None, "") else [f"--{key.replace('_', '-')}", str(text)]
        parts += imports_given()
        parts += ["--cfg-options", *self.options] if self.options else []
        return [*parts, "--resume"] if resume else parts

    def clear(self, out: Path) -> Path | None:
        """Moves a stale run out of the way (nothing is deleted); returns where to.

        Raises:
            UserError: Another process trains there.
        """
        if not self.work_dir.exists():
            return None
        aside = out / STALE / f"{self.name.replace('/', '_')}-{uuid.uuid4().hex[:8]}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        with lock.alone(*lock.of_run(self.work_dir)):
            os.replace(self.work_dir, aside)
        return aside

    def summary(self) -> str:
        """The metrics of the finished run, for the progress line."""
        metrics = read_json(self.work_dir / RESULT_FILE).get("metrics", {})
        return "  ".join(
            f"{key} {value:.2f}" for key, value in metrics.items() if value is not None
        )


@dataclass(frozen=True)
class Export:
    """A run of `tricklift export` on the last checkpoint of a training."""

    name: str
    training: Training
    file: Path
    needs: tuple[str, ...]

    def state(self) -> str:
        """`done` where the file holds the finished training's config, else `new`."""
        result = read_json(self.training.work_dir / RESULT_FILE)
        if result.get("status") != "done" or not self.file.is_file():
            return "new"
        written, trained = self.file.stat(), (self.training.work_dir / RESULT_FILE).stat()
        same = read_header(self.file).get("config_hash") == result["config_hash"]
        return "done" if same and written.st_mtime >= trained.st_mtime else "new"

    def command(self, resume: bool) -> list[str]:
        """The command line of the child process; of a run with EMA, what it was validated with.

        Raises:
            MissingFileError: The training left no checkpoint.
        """
        folder = self.training.work_dir
        parts = [*TRICKLIFT, "export", str(last_checkpoint(folder)), str(self.file)]
        parts += imports_given()
        tricks = read_json(folder / RESULT_FILE).get("tricks") or ()
        return [*parts, "--ema"] if "ema" in tricks else parts

    def clear(self, out: Path) -> Path | None:
        """Nothing to move: an export replaces its file in one step."""
        return None

    def summary(self) -> str:
        """The size of the file, for the progress line."""
        return f"{self.file.stat().st_size / 1e6:.0f} MB"


Job = Training | Export


def imports_given() -> list[str]:
    """The `--import` options that this process was given, for a job's command line."""
    return [part for name in imports.given() for part in ("--import", name)]


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that mmengine noted as the last one.

    Raises:
        MissingFileError: There is none.
    """
    note = work_dir / "last_checkpoint"
    if note.is_file():
        # The note holds the path as it was; the folder may have been moved since.
        file = work_dir / Path(note.read_text().strip()).name
        if file.is_file():
            return file
    raise MissingFileError(f"no checkpoint in {work_dir}; repeat its training")
