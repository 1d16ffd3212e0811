"""Adapter folders on the Hugging Face hub: ``hf://user/repo[@revision]`` in, ``vn export --push`` out.

The hub is asked only for names with this prefix: a plain string is a path. Of a repository only what an adapter folder
is made of is fetched: no pickle and no program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vn.errors import InputError
from vn.extras import require

PREFIX = "hf://"
NAME = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+(?:/[\w.-]+)*))?")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
FETCHED = (
    "*.safetensors",
    "*.json",
    "template.yaml",
    "README.md",
    "tokenizer.model",
    "merges.txt",
    "vocab.txt",
)
NOT_FETCHED = ("*/*",)  # an adapter folder has no folders


def on_hub(place: str | Path | None) -> bool:
    """Whether a place is a name on the hub; every other one is a path."""
    return isinstance(place, str) and place.startswith(PREFIX)


def local_folder(place: str | Path, cached_only: bool = False) -> Path:
    """The folder of an adapter: a path as it is, a name on the hub fetched into the hub's cache.

    Args:
        place: a path, or ``hf://user/repo[@revision]``.
        cached_only: take what was fetched before and ask nobody.

    Raises:
        InputError: the name is not one, nothing is there, or the hub cannot be reached.
    """
    if not on_hub(place):
        return Path(place)
    match = NAME.fullmatch(str(place).removeprefix(PREFIX))
    if match is None or ".." in str(place):
        raise InputError(f"expected {PREFIX}user/repo or {PREFIX}user/repo@revision", file=place)
    require("huggingface_hub", what="what is on the hub", field=str(place))
    from huggingface_hub import snapshot_download

    with _one_sentence(str(place)):
        folder = snapshot_download(
            match["repo"],
            revision=match["revision"],
            allow_patterns=list(FETCHED),
            ignore_patterns=list(NOT_FETCHED),
            local_files_only=cached_only,
        )
    return Path(folder)


def pinned(place: str | Path, folder: Path) -> str:
    """A place as it is noted beside what was made with it: a name on the hub with its commit.

    Args:
        place: as for `local_folder`.
        folder: what `local_folder` gave.
    """
    if not on_hub(place) or not COMMIT.fullmatch(folder.name):  # the cache names a snapshot's folder by its commit
        return str(place)
    return f"{str(place).partition('@')[0]}@{folder.name}"


def check_repository(name: str, field: str) -> None:
    """Raise unless a name may be that of a repository.

    Raises:
        InputError: it may not.
    """
    if not REPOSITORY.fullmatch(name) or ".." in name:
        raise InputError(f"expected user/repo, got {name!r}", field=field)


def push(folder: Path, repository: str, private: bool, message: str) -> str:
    """Upload an adapter folder as one commit; the repository is made if there is none.

    Args:
        folder: what to upload.
        repository: ``user/repo``.
        private: whether a new repository is private.
        message: title of the commit.

    Returns:
        The name to load it by, with its commit.

    Raises:
        InputError: the hub cannot be reached, or does not let this user write there.
    """
    require("huggingface_hub", what="what is on the hub", field="--push")
    from huggingface_hub import HfApi

    api = HfApi()
    with _one_sentence(PREFIX + repository):
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message=message,
            allow_patterns=list(FETCHED),
            ignore_patterns=list(NOT_FETCHED),
        )
    return f"{PREFIX}{repository}@{commit.oid}"


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Around calls of huggingface_hub: whatever goes wrong is one sentence that names the repository."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except InputError:
        raise
    except RevisionNotFoundError:
        raise InputError("the repository has no such revision", file=name) from None
    except RepositoryNotFoundError:
        message = "no such repository, or it is private and no token here may use it (hf auth login)"
        raise InputError(message, file=name) from None
    except LocalEntryNotFoundError as error:
        message = f"was not fetched before, and the hub is not reached ({_cause(error)})"
        raise InputError(message, file=name) from None
    except EntryNotFoundError:
        raise InputError("a file of the repository is gone", file=name) from None
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403):
            message = "the hub does not let this user do that; log in with a token that may (hf auth login)"
            raise InputError(message, file=name) from None
        raise InputError(f"the hub answered: {error}", file=name) from None
    except Exception as error:  # transport errors are those of whichever HTTP library huggingface_hub uses
        raise InputError(f"the hub cannot be reached: {_cause(error)}", file=name) from None


def _cause(error: BaseException) -> str:
    """The innermost reason, which is the one that says something."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
