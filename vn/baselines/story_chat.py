"""Stories by a chat model that is given videos in words: what the baselines `chat` and `verbalize` share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Protocol

from vn.baselines.answers import AnswerReader
from vn.baselines.captions import add_caption_arguments
from vn.baselines.chat_template import ChatTemplate, default_name
from vn.baselines.context import Context
from vn.baselines.counts import Counts
from vn.baselines.described import Describer
from vn.baselines.dialogue import Dialogue, Patience
from vn.baselines.prompts import ChatPrompt, ClipBrief
from vn.baselines.translate import add_translate_arguments
from vn.baselines.writer import BaselineVideo, Storyline
from vn.endpoints.cached import CachedChat
from vn.endpoints.options import Amount, Sent, add_endpoint, add_shared_options, open_chat, settings_of
from vn.errors import InputError
from vn.io.retries import Unreachable
from vn.story import Story
from vn.written import WrittenClip

MODEL = "local:smollm2"


class ExampleSource(Protocol):
    """Gives stories to show before the question.

    Attributes:
        settings: everything that they depend on.
    """

    settings: Mapping[str, Any]

    def of(self, story: Story) -> Sequence[tuple[Story, Sequence[ClipBrief]]]:
        """The examples for a story, with labels and narrations.

        Raises:
            InputError: an example cannot be read or described.
        """


class StoryChat:
    """See `vn.baselines.writer.Writer`.

    Args:
        name: name of the system, without its model.
        model: the chat model.
        template: wording of its prompt.
        describer: puts videos into words.
        context: what is known.
        patience: how often it is asked.
        examples: stories to show; None for zero-shot.
    """

    def __init__(
        self,
        name: str,
        model: CachedChat,
        template: ChatTemplate,
        describer: Describer,
        context: Context,
        patience: Patience,
        examples: ExampleSource | None = None,
    ) -> None:
        self.name = f"{name} ({PurePath(model.id.split('@')[0]).name or model.id})"
        self.workers = model.workers
        self.storylines: tuple[Storyline, ...] = ("predicted", "given") if template.storyline else ("predicted",)
        self._model, self._describer, self._examples = model, describer, examples
        self._counts = Counts()
        reader = AnswerReader(template, context.language)
        self._dialogues = {
            given: Dialogue(model, ChatPrompt(template, context.language, given), reader, patience, self._counts)
            for given in (False, True)
        }
        self.settings: Mapping[str, Any] = {
            **settings_of(model, "chat"),
            "prompt": template.name,
            "prompt_sha256": template.sha256,
            "dialogue": patience.grouping,
            "attempts": patience.attempts,
            "length_retries": patience.length_retries,
            **describer.settings,
            **(examples.settings if examples is not None else {}),
        }

    def write(self, video: BaselineVideo, storyline: Storyline) -> list[WrittenClip]:
        """See `Writer.write`."""
        try:
            examples = self._examples.of(video.story) if self._examples is not None else ()
            dialogue = self._dialogues[storyline == "given"]
            return dialogue.write(video.story, self._describer.briefs(video), examples)
        except Unreachable:  # so is every other video
            raise
        except InputError as error:
            if video.story.id in str(error):
                raise
            raise InputError(str(error), sample=video.story.id) from None

    def report(self) -> Mapping[str, float]:
        """See `Writer.report`."""
        return {**self._model.report(), **self._describer.report(), **self._counts.report()}


def add_story_arguments(parser: argparse.ArgumentParser, dialogue: str | None) -> None:
    """The options of a chat model that writes stories.

    Args:
        parser: where they go.
        dialogue: default of ``--dialogue``; None if all clips are written at once and there is no such option.
    """
    add_shared_options(parser)
    add_endpoint(parser, "chat", "chat model that writes the stories", _sent, default=MODEL)
    add_caption_arguments(parser)
    add_translate_arguments(parser)
    parser.add_argument("--prompt", metavar="FILE", help="prompt template (default: the shipped one of the domain)")
    if dialogue is None:
        parser.set_defaults(dialogue="all")
    else:
        what = "all clips of a video in one request, or one after the other in one dialogue per video"
        parser.add_argument(
            "--dialogue", choices=("all", "video"), default=dialogue, help=f"{what} (default: %(default)s)"
        )
    what = "how often a clip is asked for until its answer is in the form asked for; then it stays empty"
    parser.add_argument("--attempts", type=int, default=3, metavar="N", help=f"{what} (default: %(default)s)")
    what = "how often a narration out of its word range is asked for again; the nearest to the range is kept"
    parser.add_argument("--length-retries", type=int, default=1, metavar="N", help=f"{what} (default: %(default)s)")


def open_story_model(args: argparse.Namespace, context: Context) -> CachedChat:
    """The chat model of ``--chat``.

    Raises:
        InputError: there is no such model, or it may not be asked.
    """
    return open_chat(args, "chat", context.cache, context.amount)


def template_of(args: argparse.Namespace, system: str, context: Context) -> ChatTemplate:
    """The template of ``--prompt``, or the shipped one.

    Raises:
        InputError: it is wrong, or of another domain.
    """
    template = ChatTemplate.load(args.prompt or default_name(system, context.domain, context.language))
    if template.storyline != (context.domain == "ad"):
        wanted = "true" if context.domain == "ad" else "false"
        message = f"expected {wanted}, since the stories' domain is {context.domain!r}"
        raise InputError(message, file=args.prompt, field="storyline")
    return template


def patience_of(args: argparse.Namespace) -> Patience:
    """How often it is asked.

    Raises:
        InputError: a number is too small.
    """
    for option, least in (("attempts", 1), ("length_retries", 0)):
        if getattr(args, option) < least:
            message = f"expected {least} or more, got {getattr(args, option)}"
            raise InputError(message, field=f"--{option.replace('_', '-')}")
    return Patience(args.dialogue, args.attempts, args.length_retries)


def _sent(args: argparse.Namespace, amount: Amount) -> Sent:
    questions = amount.videos if args.dialogue == "all" else amount.clips
    written = 2 if getattr(args, "storyline", "predicted") in (None, "both") else 1
    return Sent(texts=questions * written * (args.attempts + args.length_retries))
