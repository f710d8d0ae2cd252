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

from tricklift.configs import silently
from tricklift.errors import MissingFileError, UserError
from tricklift.records import lock
from tricklift.records.atomic import read_json
from tricklift.records.differences import since
from tricklift.records.identity import read_header
from tricklift.records.schema import RESULT_FILE
from tricklift.suite import begun_with

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
        data: Names of the data sets that it reads.
        imports: Files and modules of the user's own, of `--import`.
        log_to: Trackers beside the log files; they change nothing of the run or its state.
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
    data: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    log_to: tuple[str, ...] = ()

    def resolved(self) -> Mapping[str, Any]:
        """The config that this job would run now."""
        from tricklift.config_keys import parse_options  # slow to import, as what follows
        from tricklift.train import build_config

        with silently():
            given = {key: getattr(self, key) for key in GIVEN}
            options = parse_options(self.options)
            return build_config(self.config, options=options, own_imports=self.imports, **given)

    def state(self) -> str:
        """`done`, `started` (to be resumed), `stale` (of another config or weights) or `new`."""
        return self.examined()[0]

    def examined(self) -> tuple[str, str]:
        """The state, and what made it stale."""
        result = read_json(self.work_dir / RESULT_FILE)
        if not result:
            left = any(self.work_dir.glob("*.pth"))
            return ("stale", "checkpoints without a result") if left else ("new", "")
        told = result.get("begun_with")
        if told and told == begun_with.digest(self):
            return "done" if result.get("status") == "done" else "started", ""
        if why := since(result, self.resolved(), self.seed, self.work_dir):
            return "stale", why
        return "done" if result.get("status") == "done" else "started", ""

    def command(self, resume: bool) -> list[str]:
        """The command line of the child process."""
        parts = [*TRICKLIFT, "train", self.config]
        for key in GIVEN:
            value = getattr(self, key)
            text = ",".join(value) if key == "tricks" else value
            option = "--out" if key == "work_dir" else f"--{key}"
            parts += [] if text in (None, "") else [option, str(text)]
        parts += [part for name in self.imports for part in ("--import", name)]
        parts += ["--log-to", ",".join(self.log_to)] if self.log_to else []
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

    def has_result(self) -> bool:
        """Whether a training has ended well there, of whatever config; quick to say."""
        return read_json(self.work_dir / RESULT_FILE).get("status") == "done"

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

    def examined(self) -> tuple[str, str]:
        """The state; an export is never stale: it replaces its file."""
        return self.state(), ""

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
        parts += [part for name in self.training.imports for part in ("--import", name)]
        tricks = read_json(folder / RESULT_FILE).get("tricks") or ()
        return [*parts, "--ema"] if "ema" in tricks else parts

    def clear(self, out: Path) -> Path | None:
        """Nothing to move: an export replaces its file in one step."""
        return None

    def has_result(self) -> bool:
        """Whether the file is there; quick to say."""
        return self.file.is_file()

    def summary(self) -> str:
        """The size of the file, for the progress line."""
        return f"{self.file.stat().st_size / 1e6:.0f} MB"


Job = Training | Export
#: What a job is called in a file.
KINDS: dict[str, type[Training] | type[Export]] = {"training": Training, "export": Export}


def to_json(job: Job) -> dict[str, Any]:
    """A job as JSON holds it: `kind`, and its attributes; paths are strings."""
    kind = next(name for name, kind in KINDS.items() if isinstance(job, kind))
    held = {key: getattr(job, key) for key in job.__dataclass_fields__}
    return {"kind": kind, **{key: _plain(value) for key, value in held.items()}}


def from_json(held: Mapping[str, Any]) -> Job:
    """The job of `to_json`.

    Raises:
        UserError: It is of another version of tricklift: a kind or key that is not known here.
    """
    given = dict(held)
    kind = KINDS.get(given.pop("kind", None))
    if kind is None or not given.keys() <= kind.__dataclass_fields__.keys():
        raise UserError(
            f"no job of this version of tricklift: {dict(held)!r}; repeat 'tricklift run'"
        )
    for key, value in given.items():
        if key in ("work_dir", "file"):
            given[key] = Path(value)
        elif key == "training":
            given[key] = from_json(value)
        elif isinstance(value, list):
            given[key] = tuple(value)
    return kind(**given)


def _plain(value: Any) -> Any:
    if isinstance(value, Training):
        return to_json(value)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


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
