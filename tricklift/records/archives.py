"""Checkpoints as archives, looked at before torch reads them. Import-free, for `backbones` too."""

import zipfile
from pathlib import Path

from tricklift.errors import UserError


def refuse_bomb(path: str | Path) -> None:
    """Refuses an archive that grows when it is read; torch itself compresses nothing.

    Raises:
        UserError: A part of it is compressed, or its parts have more bytes than the file.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return  # torch says what is wrong with it
    told, size = sum(part.file_size for part in parts), Path(path).stat().st_size
    if told > size or any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise UserError(
            f"{path} is not read: {told:,} bytes are packed into {size:,}, and a checkpoint of "
            "torch is not compressed; save it again where it was made"
        )
