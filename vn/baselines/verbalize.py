"""VerbalizeVideos (Bhattacharya et al. 2023): a video in words, captions and on-screen texts, then one story about it.

The order of its steps, for Table 5; speech is not recognised. Ours asks for the story in the video's clips.
"""

from __future__ import annotations

import argparse

from vn.baselines.captions import open_captioner
from vn.baselines.context import Context
from vn.baselines.described import Describer
from vn.baselines.on_screen import OnScreen
from vn.baselines.story_chat import StoryChat, add_story_arguments, open_story_model, patience_of, template_of
from vn.baselines.translate import open_translator
from vn.baselines.writer import Writer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this baseline."""
    add_story_arguments(parser, dialogue=None)
    what = "read the text on the frames too (extra ocr)"
    parser.add_argument("--on-screen-text", action="store_true", help=what)


def open_writer(args: argparse.Namespace, context: Context) -> Writer:
    """The writer; see `vn.baselines.names`.

    Raises:
        InputError: an option is wrong, or RapidOCR is missing.
    """
    patience, template = patience_of(args), template_of(args, "verbalize", context)
    on_screen = OnScreen(context.cache, context.findings) if args.on_screen_text else None
    captioner = open_captioner(args, context)
    describer = Describer(captioner, open_translator(args, context, "this caption of a video"), on_screen)
    return StoryChat("verbalize", open_story_model(args, context), template, describer, context, patience)
