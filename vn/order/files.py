"""``vn order CLIPS``: the order of video files, their storyline, and with ``--out`` a story."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.card import read_card
from vn.data.encoders import load_matching_encoder
from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.disk_cache import DiskCache
from vn.io.lock import claim
from vn.io.paths import relative
from vn.order.alone import in_order, with_texts
from vn.order.clips import Clips
from vn.order.methods import Answer, Method
from vn.order.options import Opened, methods_in
from vn.order.raw import RawClips, encoded, open_raw, pictured
from vn.story import Story, format_labels

if TYPE_CHECKING:
    from vn.adapter import Assembly

ASKED = "order.sqlite"  # replies of chat models


@dataclass(frozen=True, slots=True)
class OrderedFiles:
    """Video files in the order that was found.

    Attributes:
        raw: the files in the order given.
        clips: with labels and narrations, as they were written or given, in the same order.
        answer: the order.
        method: name of the method, and what its orders depend on.
        assembly: the narrator; None if none is named.
    """

    raw: RawClips
    clips: Clips
    answer: Answer
    method: Mapping[str, Any]
    assembly: Assembly | None = None

    @property
    def files(self) -> list[Path]:
        """The files in the order found."""
        return [self.raw.files[i] for i in self.answer.order]

    def story(self) -> Story:
        """The story in the order found; without a narrator it has no narrations.

        Raises:
            InputError: the clips do not fit into the narrator's context.
        """
        if self.assembly is None or not self.clips.frames:
            return self.clips.arranged(self.answer.order)
        labels = [clip.labels for clip in self.raw.story.clips]
        return in_order(self.clips, self.answer.order, labels, self.assembly)

    def record(self, folder: Path) -> dict[str, Any]:
        """What is written about the order: method, and the files in it with their numbers in the order given.

        Args:
            folder: where it is written; paths are relative to it.
        """
        labels = [clip.labels for clip in self.clips.story.clips]
        language = self.clips.story.language
        return {
            **self.method,
            "expected_tau": self.answer.expected,
            "clips": [
                {
                    "file": relative(self.raw.files[i], folder),
                    "given": i + 1,
                    "labels": [label.text(language) for label in labels[i] or ()],
                }
                for i in self.answer.order
            ],
        }


def find_order(args: argparse.Namespace, raw: RawClips, findings: Findings, cache: DiskCache) -> OrderedFiles:
    """The order of video files.

    Args:
        args: parsed options of `vn.order.options`.
        raw: the files.
        findings: takes warnings.
        cache: keeps replies of chat models.

    Raises:
        InputError: a file cannot be read, the narrator was trained on another language, the method lacks something, or
            it finds no order.
    """
    (name,) = methods_in(args, several=False)
    opened = Opened(args, cache)
    if opened.adapter is not None:
        language = read_card(opened.adapter).language
        if raw.story.language != language:
            message = f"is {raw.story.language!r}, but the narrator was trained on {language!r}"
            raise InputError(message, file=args.product, field="language")
    method = opened.method(name)
    clips = _described(raw, method, opened, findings)
    answer = method.order(clips)
    if answer.refused:
        raise InputError(answer.refused)
    assembly = opened.assembly if opened.adapter is not None else None
    return OrderedFiles(raw, clips, answer, {"method": name, **method.settings}, assembly)


def _described(raw: RawClips, method: Method, opened: Opened, findings: Findings) -> Clips:
    """The clips with what the method goes by, and with their frames if there is a narrator."""
    if opened.adapter is None:
        if not method.needs_texts:
            return pictured(raw, findings)
        if not method.needs_narrations and all(clip.labels for clip in raw.story.clips):
            return Clips(raw.story)
    card, args = opened.assembly.card, opened.args
    encoder = load_matching_encoder(card.encoder, card.tokens, card.width, args.encoder_weights, args.imports)
    clips = encoded(raw, encoder, findings)
    return with_texts(clips, opened.assembly) if method.needs_texts else clips


def order_files(args: argparse.Namespace) -> int:
    """Order the clips that a call names, print the order, and write it if a folder is given.

    Raises:
        InputError: as `find_order` and `vn.order.raw.open_raw`.
    """
    if args.product is None:
        raise InputError("say what the clips are about: --product FILE, with title, language and knowledge")
    findings = Findings()
    raw = open_raw(args.clips, args.product, findings, args.storyline)
    if args.out is None:
        found = find_order(args, raw, findings, DiskCache())
    else:
        with claim(args.out, "vn order"):
            cache = DiskCache(args.out / ASKED)
            found = find_order(args, raw, findings, cache)
            cache.close()
            _write(args, found)
    _show(found)
    if findings:
        print(findings.summary(), file=sys.stderr)
    if args.out is not None:
        print(f"wrote {args.out / 'order.json'}, story.json")
    return 0


def _write(args: argparse.Namespace, found: OrderedFiles) -> None:
    out: Path = args.out
    story = found.story()
    write_text(out / "order.json", json.dumps(found.record(out), ensure_ascii=False, indent=1) + "\n")
    write_text(out / "story.json", json.dumps(story.to_dict(), ensure_ascii=False, indent=1) + "\n")


def _show(found: OrderedFiles) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    story = found.clips.story
    table = Table("place", "clip", "script label", "narration alone", title=escape(story.title))
    for place, number in enumerate(found.answer.order, start=1):
        clip = story.clips[number]
        label = format_labels(clip.labels or (), story.language)
        table.add_row(str(place), escape(str(found.raw.files[number])), escape(label), escape(clip.narration or ""))
    Console().print(table)
    if found.answer.expected is not None:
        print(f"expected Kendall's tau of this order, by the method's own probabilities: {found.answer.expected:.2f}")
