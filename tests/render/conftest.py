"""Renders into a folder of the test, with what voices keep in another."""

from pathlib import Path

import pytest
from played import Pips

from vn.render.make import Rendered, render_story
from vn.render.settings import RenderSettings


@pytest.fixture(scope="session")
def voices(tmp_path_factory):
    """Where voices keep what they have spoken: once for all tests."""
    return tmp_path_factory.mktemp("voices")


@pytest.fixture
def render(voices):
    def run(story: Path, out: Path | None = None, voice: object = "pips", **settings: object) -> Rendered:
        speaker = Pips() if voice == "pips" else voice
        return render_story(story, out, RenderSettings(**{"voices": voices, **settings}), speaker)

    return run
