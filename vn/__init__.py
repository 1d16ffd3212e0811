"""VideoNarrator: synchronized video storytelling as an experiment framework.

Everything in `__all__` is loaded on first use: ``import vn`` itself is fast and does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from vn.version import __version__ as __version__

_HOMES = {
    "Clip": "vn.story",
    "NarratorModule": "vn.train.module",
    "ScriptLabel": "vn.story",
    "Story": "vn.story",
    "StoryDataModule": "vn.train.datamodule",
    "StoryWriter": "vn.generation.story_writer",
    "VideoNarrator": "vn.narrator",
    "compare_runs": "vn.compare.api",
    "load_adapter": "vn.adapter",
    "narrate_video": "vn.narrate.api",
    "score_run": "vn.score.api",
}

if TYPE_CHECKING:
    from vn.adapter import load_adapter
    from vn.compare.api import compare_runs
    from vn.generation.story_writer import StoryWriter
    from vn.narrate.api import narrate_video
    from vn.narrator import VideoNarrator
    from vn.score.api import score_run
    from vn.story import Clip, ScriptLabel, Story
    from vn.train.datamodule import StoryDataModule
    from vn.train.module import NarratorModule

__all__ = [
    "Clip",
    "NarratorModule",
    "ScriptLabel",
    "Story",
    "StoryDataModule",
    "StoryWriter",
    "VideoNarrator",
    "compare_runs",
    "load_adapter",
    "narrate_video",
    "score_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'vn' has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    except ImportError as error:
        from vn.extras import explain_missing

        raise ImportError(explain_missing(error) or str(error)) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
