"""Put a published folder on the Hugging Face hub, through huggingface_hub."""

import re
from pathlib import Path

from backbones.hub import network_errors
from tricklift.errors import DownloadError, UserError

LOGIN = "log in with 'hf auth login', or set HF_TOKEN (a token that may write)"


def check(repository: str) -> None:
    """Refuse before any work what the hub would refuse at its end.

    Raises:
        UserError: Not USER/NAME, or nobody is logged in.
    """
    from huggingface_hub import get_token

    if not re.fullmatch(r"[\w.-]+/[\w.-]{1,96}", repository):
        raise UserError(f"--to hub: give USER/NAME, got {repository!r}")
    if get_token() is None:
        raise UserError(f"--to hub {repository}: no token of the hub here; {LOGIN}")


def address_of(repository: str) -> str:
    """Below which the files of a repository can be downloaded."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repository}/resolve/main"


def upload(folder: Path, repository: str, private: bool) -> str:
    """Make the repository, unless it is there, and put all files of a folder into it in one commit.

    Returns:
        Its address.

    Raises:
        UserError: The token may not write there.
        DownloadError: The hub cannot be reached, or answers with an error.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi(library_name="tricklift")
    try:
        url = api.create_repo(repository, exist_ok=True, private=private or None)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="tricklift publish",
            delete_patterns="downstream/*",
        )
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        said = str(error).strip().splitlines()[0]
        if status in (401, 403):
            raise UserError(
                f"the hub does not let you write {repository}: {said}; {LOGIN}"
            ) from error
        raise DownloadError(
            f"{repository}: the hub answers: {said}; {folder} is complete"
        ) from error
    except network_errors() as error:
        raise DownloadError(
            f"the hub ({api.endpoint}) cannot be reached ({type(error).__name__}); {folder} is "
            "complete: repeat the command with a network"
        ) from error
    return str(url)
