"""Weights from the Hugging Face hub: ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``.

What `tricklift publish` puts there. huggingface_hub downloads and keeps it (``HF_HOME``); a file
whose content is not what the hub says it is, is refused.
"""

import hashlib
import os
import re
from importlib import import_module
from pathlib import Path

from tricklift.errors import MissingFileError, UserError

PREFIX = "hf://"
#: The file of a repository that holds its weights; timm and others call it so too.
WEIGHTS = "model.safetensors"
_ADDRESS = re.compile(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?")


def is_address(ref: str | Path) -> bool:
    """Whether `ref` is an address on the hub."""
    return str(ref).startswith(PREFIX)


def fetch(address: str) -> Path:
    """The file of weights at an address, downloaded unless it is in the cache.

    Its path names the commit, so a run that starts from it can be told from one of another
    version.

    Raises:
        UserError: No address, no such repository or revision, no weights in it, or a damaged file.
        MissingFileError: Not in the cache, and the hub cannot be reached.
    """
    repository, revision = parse(address)
    from huggingface_hub import constants, errors, hf_hub_download

    try:
        file = Path(hf_hub_download(repository, WEIGHTS, revision=revision))
    except errors.LocalEntryNotFoundError as error:
        raise MissingFileError(
            f"cannot get {address}: not in the cache ({constants.HF_HUB_CACHE}), and "
            f"{constants.ENDPOINT} cannot be reached. Run once with a network, copy the cache "
            "from a machine that has one, or give a file"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(
            f"{address}: {repository} has no revision {revision!r}; "
            "give a branch, tag or commit of it, or none"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{address}: no repository {repository} at {constants.ENDPOINT}, or a private one; "
            "check the name, or log in ('hf auth login', or HF_TOKEN)"
        ) from error
    except errors.EntryNotFoundError as error:
        raise UserError(
            f"{address}: {repository} holds no {WEIGHTS}; give a repository that 'tricklift "
            "publish' wrote, or a file of weights"
        ) from error
    except network_errors() as error:
        said = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise MissingFileError(
            f"cannot get {address}: {said[0]}; try again later, or give a file"
        ) from error
    refuse_damaged(file, address)
    return file


def network_errors() -> tuple[type[Exception], ...]:
    """What a connection that fails raises: the hub's client has had several HTTP libraries."""
    from huggingface_hub import errors, get_session

    library = import_module(type(get_session()).__module__.partition(".")[0])
    return library.HTTPError, errors.HfHubHTTPError, OSError


def parse(address: str) -> tuple[str, str | None]:
    """Repository, and revision or None.

    Raises:
        UserError: It is no address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UserError(
            f"{address!r} is no address on the hub; give hf://USER/NAME or hf://USER/NAME@REVISION"
        )
    return match[1], match[2]


def refuse_damaged(file: Path, address: str) -> None:
    """Hold a cached file against its hash, which the cache names its content by.

    A file system without symbolic links has no such names, and nothing is checked.

    Raises:
        UserError: Another content.
    """
    if not file.is_symlink():
        return
    said = Path(os.readlink(file)).name
    if re.fullmatch("[0-9a-f]{64}", said):  # large files, by their content
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    elif re.fullmatch("[0-9a-f]{40}", said):  # small ones, as git has it
        held = file.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest()
    else:
        return
    if found != said:
        raise UserError(
            f"{address} is damaged in the cache: {file} has the hash {found[:12]}..., not "
            f"{said[:12]}...; remove {file.resolve()} and repeat, which downloads it again"
        )
