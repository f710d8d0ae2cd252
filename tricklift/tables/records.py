"""Reading the result files that runs leave below a folder."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tricklift.errors import MissingFileError, UserError
from tricklift.records.plain_files import read_json
from tricklift.records.result_fields import wrong
from tricklift.records.schema import RESULT_FILE

#: Left by `tricklift run` beside the results: what was typed, and when.
COMMANDS_FILE = "commands.json"
#: Of a result file; ours have a few thousand.
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """One run's result file.

    Attributes:
        path: The file.
        data: What it says (see tricklift/records/results.py).
    """

    path: Path
    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data.get(key)

    @property
    def done(self) -> bool:
        """Whether the run came to its end."""
        return bool(self.data["status"] == "done")

    @property
    def reference(self) -> str | None:
        """The tier whose shipped results it is of; None for a run of one's own."""
        return self.data.get("reference")

    @property
    def pretrained(self) -> dict[str, Any]:
        """What is known of the weights it started from; empty for random init."""
        return dict(self.data.get("pretrained") or {})

    @property
    def origin(self) -> str | None:
        """Identity of the pretraining: a hash, else name or file; None for random init."""
        if self.data["task"] == "cls":
            return str(self.data["config_hash"])
        held = self.pretrained
        known = (held.get(key) for key in ("config_hash", "sha256", "name", "file"))
        return next((origin for origin in known if origin), None)

    @property
    def digest(self) -> str | None:
        """Of the data that it trained on; None where that is not known."""
        return (self.data.get("data") or {}).get("digest")

    @property
    def val_images_in_train(self) -> int:
        """Validation images that the training saw; 0 where nobody looked."""
        return (self.data.get("data") or {}).get("val_images_in_train") or 0

    @property
    def origin_digest(self) -> str | None:
        """Of the data that the pretraining trained on; None where that is not known."""
        return self.digest if self.data["task"] == "cls" else self.pretrained.get("data_digest")


def read(path: str | Path) -> Record:
    """Reads one result file.

    Raises:
        UserError: It is not one, or of another version; names the file.
    """
    path = Path(path)
    remedy = "repeat the run, or remove the file"
    try:
        data = read_json(path, MOST_BYTES)
    except UserError as error:
        raise UserError(f"{error}: {remedy}") from None
    if (fault := wrong(data)) is not None:
        raise UserError(f"{path} {fault}; {remedy}")
    return Record(path, data)


def find(folder: str | Path) -> list[Record]:
    """All result files below a folder, in path order; hidden folders are passed over.

    Raises:
        MissingFileError: No such folder, or nothing in it.
        UserError: A file that is not a result.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingFileError(f"no folder {folder}; give one in which runs left {RESULT_FILE}")
    records = [read(path) for path in sorted(walk(folder, RESULT_FILE))]
    if not records:
        raise MissingFileError(
            f"no {RESULT_FILE} below {folder}; run 'tricklift run', 'demo' or 'train' into it first"
        )
    return with_one_name(records)


def with_one_name(records: Sequence[Record]) -> list[Record]:
    """The same, with a task's data of one digest called as the first of them calls it.

    A folder that `tricklift prepare` has looked at has its title, another its own name.
    """
    names: dict[tuple[str, str], str] = {}
    for record in records:
        held = record.pretrained
        for task, digest, name in (
            (record["task"], record.digest, record["dataset"]),
            ("cls", held.get("data_digest"), held.get("dataset")),
        ):
            if digest and name:
                names.setdefault((task, digest), name)
    return [_renamed(record, names) for record in records]


def _renamed(record: Record, names: Mapping[tuple[str, str], str]) -> Record:
    own = record["task"], str(record.digest)
    data = {**record.data, "dataset": names.get(own, record["dataset"])}
    held = record.pretrained
    if held.get("dataset") and (name := names.get(("cls", str(held.get("data_digest"))))):
        data["pretrained"] = {**held, "dataset": name}
    return Record(record.path, data)


def walk(folder: Path, name: str) -> Iterator[Path]:
    """The files of a name in a folder and below, but for hidden folders."""
    for here, folders, files in os.walk(folder):
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        if name in files:
            yield Path(here) / name
