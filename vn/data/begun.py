"""Which revision of an encoder a data folder was begun with, so that ``vn prepare`` goes on with it."""

from __future__ import annotations

import json
from pathlib import Path

from vn.data.encoders.revisions import FIRST, NEWEST, newest, stored
from vn.data.shard_records import CONFIGURATION, FOLDER
from vn.io.remote import open_folder
from vn.io.stores import MissingFile


def begun_with(folder: str | Path, name: str) -> str:
    """The encoder for more data in a folder: the revision it was begun with, if a call names none.

    Args:
        folder: path or URL of the data folder.
        name: the encoder that the call names.
    """
    if name not in NEWEST:
        return name
    place = open_folder(folder)
    file = place / f"{FOLDER}/{CONFIGURATION}"
    try:
        text = file.read_bytes() if isinstance(file, Path) else file.read_new()
        identity = str(json.loads(text)["encoder"]["id"])
    except (OSError, MissingFile, ValueError, KeyError, TypeError, RecursionError):
        return newest(name)  # new, or not a folder of ours: the run itself says so
    return stored(identity) if identity in FIRST else newest(name)
