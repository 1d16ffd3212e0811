"""Shared by the tests of data preparation."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import colour_encoder
import pytest
from many import control, source, start, whole  # noqa: F401 (fixtures)

from vn.data.encoders import ENCODERS, load_encoder


@pytest.fixture
def colour() -> Iterator[colour_encoder.ColourEncoder]:
    """The test encoder, registered as ``colour``."""
    colour_encoder.register()
    yield load_encoder("colour")
    del ENCODERS["colour"]


@pytest.fixture
def write_stories(tmp_path: Path) -> Callable[..., Path]:
    """Writes Story files into a folder; ``video`` defaults to ``<id>.mp4``."""

    def write(*stories: dict, folder: Path = tmp_path / "stories") -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for story in stories:
            complete = {"title": "A thing", "language": "en", "knowledge": [], "video": f"{story['id']}.mp4", **story}
            (folder / f"{story['id']}.json").write_text(json.dumps(complete, ensure_ascii=False), encoding="utf-8")
        return folder

    return write
