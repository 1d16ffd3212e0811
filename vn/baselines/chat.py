"""The paper's multi-model pipeline (A.1): captions of key frames, then a chat model, zero-shot or with examples."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vn.baselines.captions import open_captioner
from vn.baselines.context import Context
from vn.baselines.described import Describer
from vn.baselines.examples import RULE, Examples, training_videos
from vn.baselines.prompts import ClipBrief
from vn.baselines.story_chat import StoryChat, add_story_arguments, open_story_model, patience_of, template_of
from vn.baselines.translate import open_translator
from vn.baselines.writer import BaselineVideo, VideoContent, Writer
from vn.errors import InputError
from vn.story import Fixed, Story


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this baseline."""
    add_story_arguments(parser, dialogue="all")
    what = "training stories in the prompt: those of the same category first, else the most alike"
    parser.add_argument("--examples", type=int, default=0, metavar="N", help=f"{what} (default: %(default)s)")


def open_writer(args: argparse.Namespace, context: Context) -> Writer:
    """The writer; see `vn.baselines.names`.

    Raises:
        InputError: an option is wrong, or there are too few training stories.
    """
    if args.examples < 0:
        raise InputError(f"expected 0 or more, got {args.examples}", field="--examples")
    patience, template = patience_of(args), template_of(args, "chat", context)
    videos = training_videos(context) if args.examples else []
    if videos and context.amount.videos:  # what is sent of them is part of what the user agrees to
        clips = sorted((len(story.narrated) for story, _ in videos), reverse=True)
        most = sum(clips[: args.examples * context.amount.videos])
        context = replace(context, amount=replace(context.amount, examples=most))
    describer = Describer(open_captioner(args, context), open_translator(args, context, "this caption of a video"))
    examples = None
    if args.examples:
        examples = DescribedExamples(videos, args.examples, describer, context)
    name = f"chat, {args.examples} example{'s' if args.examples > 1 else ''}" if args.examples else "chat, zero-shot"
    model = open_story_model(args, context)
    writer = StoryChat(name, model, template, describer, context, patience, examples)
    writer.settings = {**writer.settings, "examples": args.examples}
    return writer


class DescribedExamples:
    """Training stories in words, by the same captioner as the stories to write.

    Args:
        videos: training stories that can be shown, and what can be seen in their videos.
        count: number of examples per story.
        describer: puts them into words.
        context: gives the seed and word ranges.

    Raises:
        InputError: there are too few training stories.
    """

    def __init__(
        self, videos: Sequence[tuple[Story, VideoContent]], count: int, describer: Describer, context: Context
    ) -> None:
        self._contents = {story.id: content for story, content in videos}
        self._examples = Examples((story for story, _ in videos), count, context.seed)
        self._describer, self._words = describer, context.words
        self.settings: Mapping[str, Any] = {
            "examples_rule": RULE,
            "examples_seed": context.seed,
            "examples_stories": len(videos),
            "examples_sha256": self._examples.sha256,
        }

    def of(self, story: Story) -> Sequence[tuple[Story, Sequence[ClipBrief]]]:
        """See `vn.baselines.story_chat.ExampleSource.of`."""
        return [(example, self._describer.briefs(self._video(example))) for example in self._examples.of(story)]

    def _video(self, story: Story) -> BaselineVideo:
        """A training story as one whose texts are all fixed."""
        words = {clip: self._words.range_of(story.clips[clip], story.language) for clip in story.narrated}
        fixed = {clip: Fixed(story.clips[clip].labels, story.clips[clip].narration) for clip in story.narrated}
        return BaselineVideo(story, story.narrated, words, self._contents[story.id], fixed)
