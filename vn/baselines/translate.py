"""Translation of captions or narrations by a chat model: a step of its own, cached, counted, named in settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from vn.baselines.context import Context
from vn.story import Language


class Translator(Protocol):
    """Translates texts.

    Attributes:
        settings: what the translations depend on, for a writer's settings.
    """

    settings: Mapping[str, Any]

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The translations, one per text; a text without letters or digits stays as it is.

        Raises:
            InputError: the model cannot be reached, or gives an empty translation.
        """

    def report(self) -> Mapping[str, float]:
        """What was counted so far."""


def add_translate_arguments(parser: argparse.ArgumentParser) -> None:
    """The options ``--translate`` and ``--translate-url``; after `add_shared_options`."""


def open_translator(
    args: argparse.Namespace, context: Context, what: str, language: Language | None = None
) -> Translator | None:
    """The translator of ``--translate``; None if it was not given.

    Args:
        args: parsed options.
        context: what is known.
        what: what is translated, e.g. ``captions of a video``.
        language: the language to translate into; None for the stories'.

    Raises:
        InputError: there is no such model.
    """
    raise NotImplementedError
