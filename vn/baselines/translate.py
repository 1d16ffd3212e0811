"""Translation of captions or narrations by a chat model: a step of its own, cached, counted, named in settings."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from vn.baselines.captions import most_captions
from vn.baselines.context import Context
from vn.baselines.counts import Counts
from vn.baselines.prompt_file import read_prompt
from vn.endpoints.cached import CachedChat
from vn.endpoints.chat import Message
from vn.endpoints.options import Amount, Estimate, Sent, add_endpoint, open_chat, settings_of
from vn.errors import Findings, InputError
from vn.story import Language

PROMPT = Path(__file__).with_name("templates") / "translate.yaml"


class Translator(Protocol):
    """Translates texts; called from several threads at once.

    Attributes:
        settings: what the translations depend on, for a writer's settings.
    """

    settings: Mapping[str, Any]

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The translations, one per text and one line each; a text in the language already stays as it is.

        Raises:
            InputError: the model cannot be asked.
        """

    def report(self) -> Mapping[str, float]:
        """What was counted so far."""


def _captions_sent(args: argparse.Namespace, amount: Amount) -> Sent:
    return Sent(texts=most_captions(args, amount))


def add_translate_arguments(parser: argparse.ArgumentParser, estimate: Estimate = _captions_sent) -> None:
    """The options ``--translate`` and those that begin with it; after `add_shared_options`.

    Args:
        parser: where they go.
        estimate: how many texts would be translated; by default the captions of `add_caption_arguments`.
    """
    add_endpoint(parser, "translate", "translate to the stories' language with this chat model", estimate)
    parser.add_argument(
        "--translate-prompt", type=Path, default=PROMPT, metavar="FILE", help="another request for a translation"
    )


def open_translator(
    args: argparse.Namespace, context: Context, what: str, language: Language | None = None
) -> Translator | None:
    """The translator of ``--translate``; None if it was not given.

    Args:
        args: parsed options.
        context: what is known.
        what: what a text is, in English, e.g. ``this caption of a video``.
        language: the language to translate into; None for the stories'.

    Raises:
        InputError: there is no such model, or its prompt file is wrong.
    """
    if not args.translate:
        return None
    file: Path = args.translate_prompt
    values, sha256 = read_prompt(file, {"prompt": str, "languages": dict, "max_tokens": int})
    if values["prompt"].count("{text}") != 1:
        raise InputError("expected {text} once", file=file, field="prompt")
    into = language or context.language
    if into not in values["languages"]:
        raise InputError("is missing", file=file, field=f"languages.{into}")
    request = values["prompt"].replace("{what}", what).replace("{language}", values["languages"][into]).strip()
    chat = open_chat(args, "translate", context.cache, context.amount)
    translator = ChatTranslator(chat, request, values["max_tokens"], into, context.findings)
    translator.settings = {**translator.settings, "translate_prompt_sha256": sha256}
    return translator


class ChatTranslator:
    """Translation by a chat model, one text per request; see `Translator`.

    A translation that is empty, cut, or not in the language is counted and named; the text then stays as it was if
    there is none, and otherwise is what the model wrote.

    Args:
        chat: the model.
        request: what it is asked, with ``{text}`` once.
        max_tokens: tokens of a translation at most.
        language: the language to translate into.
        findings: takes translations that are not one.
    """

    def __init__(self, chat: CachedChat, request: str, max_tokens: int, language: Language, findings: Findings) -> None:
        self._chat, self._max_tokens, self._language, self._findings = chat, max_tokens, language, findings
        self._before, self._after = request.split("{text}")
        self._counts = Counts("translated", "translate_not_needed", "translate_failed")
        self.settings: Mapping[str, Any] = {**settings_of(chat, "translate"), "translate_into": language}

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """See `Translator`."""
        return [self._translated(text) for text in texts]

    def report(self) -> Mapping[str, float]:
        """See `Translator.report`."""
        return {**self._chat.report(), **self._counts.report()}

    def _translated(self, text: str) -> str:
        if is_written_in(text, self._language):
            self._counts.add("translate_not_needed")
            return text
        reply = self._chat.ask([Message("user", f"{self._before}{text}{self._after}")], self._max_tokens)
        translation = " ".join(reply.text.split())
        if not translation:
            problem = "no translation, so it stays as it is"
        elif reply.cut:
            problem = "a translation that is cut off"
        elif not is_written_in(translation, self._language):
            problem = "a translation in another language"
        else:
            self._counts.add("translated")
            return translation
        self._counts.add("translate_failed")
        self._findings.add(f"{self._chat.id} gave {problem}: {text[:40]!r}", field="--translate")
        return translation or text


def is_written_in(text: str, language: Language) -> bool:
    """Whether most letters of a text are of a language's script; also if it has none.

    Example:
        >>> is_written_in("一把 red 水壶", "zh"), is_written_in("A red kettle", "zh"), is_written_in("2024!", "zh")
        (True, False, True)
    """
    letters = [letter for letter in text if letter.isalpha()]
    chinese = sum(unicodedata.name(letter, "").startswith("CJK") for letter in letters)
    return 2 * chinese >= len(letters) if language == "zh" else 2 * chinese <= len(letters)
