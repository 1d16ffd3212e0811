"""``vn narrate``: a raw video and a product file in; story.json and subtitles out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vn.data.atomic import write_text
from vn.errors import Findings, InputError
from vn.files import read_yaml
from vn.lock import claim
from vn.story import KEY, Clip, Labels, Story, WordRangeRule, count_words, parse_labels

if TYPE_CHECKING:
    from vn.adapter import Assembly, NarratorCard
    from vn.llm.generate import Storyline, WrittenClip

EPILOG = """\
product.yaml says what is known; clips are optional, shots are found where they are missing:
  title: Aurora home classic
  language: en
  knowledge:
    - aspect: Material
      points: [glazed stoneware, recycled glass]

example:
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn narrate``."""
    parser.epilog = EPILOG
    parser.add_argument("video", type=Path, help="the video file")
    parser.add_argument(
        "--product", type=Path, required=True, help="YAML: title, language, knowledge, and clips if known"
    )
    parser.add_argument("--run", type=Path, help="a run folder whose adapter writes")
    parser.add_argument("--adapter", type=Path, help="an adapter folder, instead of --run")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--storyline", type=Path, help="YAML list of script labels, one a shot (default: predicted)")
    parser.add_argument(
        "--length",
        choices=("exact", "none"),
        default="exact",
        help="exact: each narration has as many words as its clip has time for; none: as the model likes",
    )
    parser.add_argument("--base-model", help="where the base model lies, if it has moved since training")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="of the frame encoder, if it has any"
    )
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda (default: cuda where there is one)")


def run(args: argparse.Namespace) -> int:
    """Narrate a video."""
    findings = Findings()
    product = read_product(args.product, findings)
    labels = read_storyline(args.storyline) if args.storyline else None
    if not args.video.is_file():
        raise InputError("no such video", file=args.video)
    if (args.run is None) == (args.adapter is None):
        raise InputError("give either --run or --adapter")
    adapter = args.adapter or args.run / "adapter"

    from vn.adapter import read_card

    card = read_card(adapter)  # before anything slow
    with claim(args.out, "vn narrate"):
        _narrate(args, product, labels, adapter, card, findings)
    return 0


def _narrate(
    args: argparse.Namespace,
    product: Story,
    labels: list[Labels] | None,
    adapter: Path,
    card: NarratorCard,
    findings: Findings,
) -> None:
    from vn.data.shots import find_shots

    clips = product.clips
    if not clips:
        clips = tuple(Clip(start, end) for start, end in find_shots(args.video))
        print(f"{args.video}: {len(clips)} shots", file=sys.stderr)
    clips = tuple(dataclasses.replace(c, narration=None) for c in clips)
    if labels is not None:
        if len(labels) != len(clips):
            raise InputError(f"has {len(labels)} labels, the video {len(clips)} clips", file=args.storyline)
        clips = tuple(dataclasses.replace(c, labels=label) for c, label in zip(clips, labels, strict=True))
    story = dataclasses.replace(product, clips=clips, video=str(args.video))
    given = labels is not None or (bool(product.clips) and all(c.labels for c in product.clips))
    if story.language != card.language:
        message = f"is {story.language!r}, but the narrator was trained on {card.language!r}"
        findings.add(message, file=args.product, field="language")

    assembly, written = _write(args, adapter, story, given, findings)
    story = dataclasses.replace(story, clips=tuple(_filled(story, written)))
    _save(args.out, story, assembly, written, findings)
    _show(story, written, args.out, findings)


def read_product(file: Path, findings: Findings) -> Story:
    """A product file: a Story in YAML without ``id`` and with clips optional."""
    data = read_yaml(file)
    name = file.stem if KEY.fullmatch(file.stem) else "product"
    return Story.from_dict(data, file=file, findings=findings, clips_required=False, default_id=name)


def read_storyline(file: Path) -> list[Labels]:
    """A storyline file: a YAML list with one label, or labels joined by ``+``, a clip."""
    data = read_yaml(file)
    if not isinstance(data, list) or not all(isinstance(x, str) for x in data):
        raise InputError("expected a list of script labels, one a clip", file=file)
    labels = []
    for i, text in enumerate(data):
        try:
            labels.append(parse_labels(text))
        except InputError as error:
            raise InputError(str(error), file=file, field=f"[{i}]") from None
    return labels


def _write(
    args: argparse.Namespace, adapter: Path, story: Story, given: bool, findings: Findings
) -> tuple[Assembly, list[WrittenClip]]:
    import torch

    from vn.adapter import load_adapter
    from vn.data.encoders import load_matching_encoder
    from vn.data.frames import encode_video
    from vn.llm.generate import Decoding, StoryWriter

    assembly = load_adapter(adapter, args.base_model)
    card = assembly.card
    encoder = load_matching_encoder(card.encoder, card.tokens, card.width, args.encoder_weights)
    features = encode_video(args.video, encoder, findings=findings)
    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    assembly.narrator.to(device)
    # A raw video has no references, so the range is that of the clip's duration.
    assembly.packer.words = WordRangeRule("duration", card.word_range.rate, card.word_range.margin)
    writer = StoryWriter(assembly.narrator, assembly.packer, Decoding(length_control=args.length))
    storyline: Storyline = "given" if given and assembly.packer.storyline else "predicted"
    if given and not assembly.packer.storyline:
        findings.add("this narrator was trained without a storyline; the labels are not used", file=args.storyline)
    clips = range(len(story.clips))
    written = writer.write(story, features.features, features.seconds, storyline, clips)
    forgotten = 0
    for each in written:
        where = f"clips[{each.clip}].narration"
        if each.problem:
            findings.add(each.problem, file=args.video, field=where)
        if each.forgotten > forgotten:
            forgotten = each.forgotten
            message = f"from here on the text of the first {forgotten} clips is not read: it no longer fits"
            findings.add(message, file=args.video, field=where)
    return assembly, written


def _filled(story: Story, written: list[WrittenClip]) -> list[Clip]:
    clips = list(story.clips)
    for each in written:
        labels = each.written.labels if each.written.labels is not None else clips[each.clip].labels
        narration = each.written.narration or None
        clips[each.clip] = dataclasses.replace(clips[each.clip], labels=labels or None, narration=narration)
    return clips


def _save(out: Path, story: Story, assembly: Assembly, written: list[WrittenClip], findings: Findings) -> None:
    from vn.subtitles import cues, srt, vtt

    data = story.to_dict()
    for each in written:
        words = each.written.words
        count = count_words(each.written.narration, story.language)
        data["clips"][each.clip]["word_range"] = [words.low, words.high]
        data["clips"][each.clip]["words"] = count
    data["warnings"] = findings.lines
    write_text(out / "story.json", json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    lines = cues([(c.start, c.end, c.narration or "") for c in story.clips], story.language)
    write_text(out / "story.srt", srt(lines))
    write_text(out / "story.vtt", vtt(lines))


def _show(story: Story, written: list[WrittenClip], out: Path, findings: Findings) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("time", "script label", "narration", "words", title=escape(story.title))
    for each in written:
        clip = story.clips[each.clip]
        count, words = count_words(each.written.narration, story.language), each.written.words
        label = "+".join(x.text(story.language) for x in each.written.labels or ())
        mark = "" if count in words else " !"
        table.add_row(
            f"{clip.start:.1f}-{clip.end:.1f}",
            escape(label),
            escape(each.written.narration),
            f"{count} of {words.low}-{words.high}{mark}",
        )
    Console().print(table)
    if findings:
        print(findings.summary(), file=sys.stderr)
    print(f"wrote {out / 'story.json'}, story.srt, story.vtt")
