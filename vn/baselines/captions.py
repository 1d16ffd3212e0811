"""Captions of a clip's key frames, for systems that read what a video shows: from a file, or by a model that sees."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Protocol

from vn.baselines.context import Context
from vn.baselines.writer import BaselineVideo


class Captioner(Protocol):
    """Describes clips in words.

    Attributes:
        settings: what the captions depend on, for a writer's settings.
    """

    settings: Mapping[str, Any]

    def captions(self, video: BaselineVideo, clip: int) -> list[str]:
        """The captions of a clip's key frames, in order of time.

        Raises:
            InputError: there are none for this clip; names video and clip.
        """

    def report(self) -> Mapping[str, float]:
        """What was counted so far."""


def add_caption_arguments(parser: argparse.ArgumentParser) -> None:
    """The options ``--captions``, ``--captions-url`` and ``--frames``; after `add_shared_options`."""


def open_captioner(args: argparse.Namespace, context: Context) -> Captioner:
    """The captioner of ``--captions``.

    Raises:
        InputError: there is no such file or model, or the model sees nothing.
    """
    raise NotImplementedError
