"""The options of the text stages, and the stages that they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from vn.annotate.stage import STEPS, Stage
from vn.endpoints.options import KINDS, Amount, Sent, add_endpoint, add_shared_options, is_model, open_chat
from vn.errors import InputError
from vn.extras import require
from vn.io.disk_cache import DiskCache

FACTS = "facts"
CLASSIFIER = "classifier:"
FURTHEST = 0.5  # that of vn.annotate.text.bounds, whose libraries a help page does not need


def add_text_options(parser: argparse.ArgumentParser) -> None:
    """The options of the stages on_screen, knowledge, refine and labels."""
    group = parser.add_argument_group("knowledge, correction, labels")
    if parser.get_default("endpoints") is None:
        add_shared_options(parser)
    what = "read the text on the frames at shots' middles, for the knowledge list (extra ocr)"
    group.add_argument("--on-screen-text", action="store_true", help=what)
    add_endpoint(group, "knowledge", "finds aspects and points in product pages", _per_video)
    what = "keep points that are not literally in the product's page (they are marked)"
    group.add_argument("--keep-unsourced", action="store_true", help=what)
    also = f"{FACTS} (snaps near misses to the product's title and points, without a model), "
    add_endpoint(group, "refine", "corrects the recognised speech", _per_video, also)
    what = "largest share of a clip's words (Chinese: characters) that a correction may change; others are refused"
    group.add_argument("--furthest", type=float, default=FURTHEST, metavar="X", help=f"{what} (default: %(default)s)")
    also = f"{CLASSIFIER}STORIES (learned from labelled stories: a folder of them or a data folder), "
    add_endpoint(group, "labels", "labels the narrations", _per_video, also)


def text_stages(args: argparse.Namespace, cache: DiskCache, amount: Amount | None = None) -> list[Stage]:
    """The text stages that are asked for, in their order; that of knowledge always.

    Args:
        args: parsed options of `add_text_options`, ``language``, and ``until`` if the command has it: no model is
            opened for a stage after that.
        cache: keeps the replies of models.
        amount: how much is to be annotated, if that is known.

    Raises:
        InputError: an option is wrong, or what it needs is not here.
    """
    require("rapidfuzz", command="annotate")
    if not 0 < args.furthest <= 1:
        raise InputError(f"expected a number above 0 and up to 1, got {args.furthest}", field="--furthest")
    if args.keep_unsourced and not args.knowledge:
        raise InputError("needs --knowledge, since only points from pages can be unsourced", field="--keep-unsourced")
    last = STEPS.index(getattr(args, "until", STEPS[-1]))
    builders: dict[str, Callable[[], Stage]] = {
        **({"on_screen": lambda: _on_screen(cache)} if args.on_screen_text else {}),
        "knowledge": lambda: _knowledge(args, cache, amount),
        **({"refine": lambda: _refine(args, cache, amount)} if args.refine else {}),
        **({"labels": lambda: _labels(args, cache, amount)} if args.labels else {}),
    }
    return [build() for name, build in builders.items() if STEPS.index(name) <= last]


def _on_screen(cache: DiskCache) -> Stage:
    from vn.annotate.text.on_screen import OnScreenStage

    return OnScreenStage(cache)


def _knowledge(args: argparse.Namespace, cache: DiskCache, amount: Amount | None) -> Stage:
    from vn.annotate.text.knowledge import KnowledgeStage

    chat = open_chat(args, "knowledge", cache, amount) if args.knowledge else None
    return KnowledgeStage(chat, args.keep_unsourced, _again(args, "knowledge"))


def _refine(args: argparse.Namespace, cache: DiskCache, amount: Amount | None) -> Stage:
    from vn.annotate.text.refine import ChatRefine, FactsRefine

    if args.refine == FACTS:
        return FactsRefine(args.furthest)
    if not is_model(args.refine):
        raise InputError(f"no model {args.refine!r}; expected {FACTS}, {KINDS}", field="--refine")
    return ChatRefine(open_chat(args, "refine", cache, amount), args.furthest, _again(args, "refine"))


def _labels(args: argparse.Namespace, cache: DiskCache, amount: Amount | None) -> Stage:
    from vn.annotate.text.labels import ChatLabels, ClassifierLabels

    if args.labels.startswith(CLASSIFIER):
        return ClassifierLabels(Path(args.labels.removeprefix(CLASSIFIER)).expanduser(), args.language, cache)
    if not is_model(args.labels):
        raise InputError(f"no model {args.labels!r}; expected {CLASSIFIER}STORIES, {KINDS}", field="--labels")
    return ChatLabels(open_chat(args, "labels", cache, amount), _again(args, "labels"))


def _again(args: argparse.Namespace, stage: str) -> bool:
    """Whether a stage is made again, and so its bad replies are asked for again."""
    first = getattr(args, "again", None)
    return first is not None and STEPS.index(first) <= STEPS.index(stage)


def _per_video(args: argparse.Namespace, amount: Amount) -> Sent:
    """A request for each video, and another one if its reply is bad."""
    return Sent(texts=2 * amount.videos)
