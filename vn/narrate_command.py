"""``vn narrate``: a raw video and a product file in; story.json and subtitles out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.data.atomic import write_text
from vn.errors import Findings, InputError
from vn.files import read_yaml
from vn.lock import claim
from vn.story import KEY, Clip, Labels, Story, WordRangeRule, count_words, parse_labels
from vn.story_file import Plan, plan_of, read_edited, record

if TYPE_CHECKING:
    from vn.adapter import NarratorCard
    from vn.llm.generate import WrittenClip

EPILOG = """\
product.yaml says what is known; clips are optional, shots are found where they are missing. A clip may have labels or
a narration of yours, which are kept:
  title: Aurora home classic
  language: en
  knowledge:
    - aspect: Material
      points: [glazed stoneware, recycled glass]

examples:
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story
  vn narrate --edit story/story.json
      after changing labels or narrations in that file: what stands before the first change is kept, and so is what you
      wrote; the rest is written anew, with the same video, narrator and options unless you give others
"""
DEFAULTS: dict[str, Any] = {
    "length": "exact",
    "temperature": 0.0,
    "seed": 0,
    "beams": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram": 0,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn narrate``."""
    parser.epilog = EPILOG
    parser.add_argument("video", type=Path, nargs="?", help="the video file")
    parser.add_argument("--product", type=Path, help="YAML: title, language, knowledge, and clips if known")
    parser.add_argument(
        "--edit", type=Path, help="a story.json of vn narrate that you have edited, instead of --product"
    )
    parser.add_argument("--run", type=Path, help="a run folder whose adapter writes")
    parser.add_argument("--adapter", type=Path, help="an adapter folder, instead of --run")
    parser.add_argument("--out", type=Path, help="the folder to write to (with --edit: that of the file)")
    parser.add_argument(
        "--storyline", type=Path, help="YAML list of script labels, one a shot, null where the model is to choose"
    )
    parser.add_argument(
        "--length",
        choices=("exact", "none"),
        help="exact: each narration has as many words as its clip has time for; none: as the model likes (exact)",
    )
    parser.add_argument("--temperature", type=_within(float, 0, 100), help="above 0: draw from what is likely (0)")
    parser.add_argument("--seed", type=_within(int, 0, 2**32 - 1), help="of what is drawn (0)")
    parser.add_argument("--beams", type=_within(int, 1, 64), help="above 1: search for the likeliest narrations (1)")
    parser.add_argument(
        "--repetition-penalty", type=_within(float, 0.01, 100), help="of tokens that stood before; 1 is none (1)"
    )
    parser.add_argument(
        "--no-repeat-ngram",
        type=_within(int, 0, 10_000),
        help="never say so many tokens in a row twice in a story; 0: may (0)",
    )
    parser.add_argument("--base-model", help="where the base model lies, if it has moved since training")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="of the frame encoder, if it has any"
    )
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda (default: cuda where there is one)")


def _within(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """An argument's type: a number between two others."""

    def number(text: str) -> float:
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {low:g} to {high:.10g}, got {text}")
        return value

    number.__name__ = kind.__name__  # argparse names it where a text is no number
    return number


def run(args: argparse.Namespace) -> int:
    """Narrate a video."""
    findings = Findings()
    if (args.product is None) == (args.edit is None):
        raise InputError("give either a video and --product, or --edit")
    if args.edit is not None:
        if args.storyline is not None:
            raise InputError("labels of an edited story are changed in the file, not by --storyline")
        plan = read_edited(args.edit, findings)
        if plan.first is None:
            print(f"{args.edit}: nothing was edited since it was written")
            return 0
        made_with = plan.made_with or {}
        args.out = args.out or args.edit.parent
        video = args.video or Path(plan.story.video or "")
    else:
        plan, made_with, video = plan_of(read_product(args.product, findings)), {}, args.video
    if args.out is None:
        raise InputError("say where to write: --out")
    if video is None or not video.is_file():
        raise InputError("no such video", file=video)
    adapter = _adapter(args, made_with)
    options = _options(args, made_with)
    labels = read_storyline(args.storyline) if args.storyline else None

    from vn.adapter import read_card

    card = read_card(adapter)  # before anything slow
    with claim(args.out, "vn narrate"):
        args.base_model = args.base_model or made_with.get("base_model")
        _narrate(_with_clips(plan, video, labels, args.storyline), args, video, adapter, card, options, findings)
    return 0


def _adapter(args: argparse.Namespace, made_with: Mapping[str, Any]) -> Path:
    if args.run is None and args.adapter is None and isinstance(made_with.get("adapter"), str):
        return Path(made_with["adapter"])
    if (args.run is None) == (args.adapter is None):
        raise InputError("give either --run or --adapter")
    return args.adapter or args.run / "adapter"


def _options(args: argparse.Namespace, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """How tokens are chosen: as asked for, else as an edited story was written, else as usual."""
    options = {}
    for name, usual in DEFAULTS.items():
        asked, before = getattr(args, name), made_with.get(name)
        options[name] = asked if asked is not None else before if type(before) is type(usual) else usual
    return options


def _with_clips(plan: Plan, video: Path, labels: list[Labels | None] | None, file: Path | None) -> Plan:
    """The plan with the video's shots, where nobody said what its clips are, and a storyline file's labels."""
    story = dataclasses.replace(plan.story, video=str(video))
    if not story.clips:
        from vn.data.shots import find_shots

        story = dataclasses.replace(story, clips=tuple(Clip(start, end) for start, end in find_shots(video)))
        print(f"{video}: {len(story.clips)} shots", file=sys.stderr)
    if labels is None:
        return dataclasses.replace(plan, story=story)
    if len(labels) != len(story.clips):
        raise InputError(f"has {len(labels)} labels, the video {len(story.clips)} clips", file=file)
    clips = [
        dataclasses.replace(
            clip, labels=label or clip.labels, narration=plan.fixed[i].narration if i in plan.fixed else None
        )
        for i, (clip, label) in enumerate(zip(story.clips, labels, strict=True))
    ]
    return plan_of(dataclasses.replace(story, clips=tuple(clips)))


def read_product(file: Path, findings: Findings) -> Story:
    """A product file: a Story in YAML without ``id`` and with clips optional."""
    data = read_yaml(file)
    name = file.stem if KEY.fullmatch(file.stem) else "product"
    return Story.from_dict(data, file=file, findings=findings, clips_required=False, default_id=name)


def read_storyline(file: Path) -> list[Labels | None]:
    """A storyline file: a YAML list with one label, or labels joined by ``+``, a clip; null leaves it to the model."""
    data = read_yaml(file)
    if not isinstance(data, list) or not all(x is None or isinstance(x, str) for x in data):
        raise InputError("expected a list of script labels, one a clip", file=file)
    labels: list[Labels | None] = []
    for i, text in enumerate(data):
        try:
            labels.append(None if text is None else parse_labels(text))
        except InputError as error:
            raise InputError(str(error), file=file, field=f"[{i}]") from None
    return labels


def _narrate(
    plan: Plan,
    args: argparse.Namespace,
    video: Path,
    adapter: Path,
    card: NarratorCard,
    options: dict[str, Any],
    findings: Findings,
) -> None:
    file = args.edit or args.product
    if plan.story.language != card.language:
        message = f"is {plan.story.language!r}, but the narrator was trained on {card.language!r}"
        findings.add(message, file=file, field="language")
    if not card.storyline and any("labels" in names for names in plan.given.values()):
        findings.add(
            "this narrator was trained without a storyline; the labels are not used", file=args.storyline or file
        )
    written = _write(plan, args, video, adapter, card, options, findings)
    clips = list(plan.story.clips)
    for each in written:
        labels = each.written.labels if each.written.labels is not None else clips[each.clip].labels
        narration = each.written.narration or None
        clips[each.clip] = dataclasses.replace(clips[each.clip], labels=labels or None, narration=narration)
    plan = dataclasses.replace(plan, story=dataclasses.replace(plan.story, clips=tuple(clips)))
    made_with = {"adapter": str(adapter), "base_model": args.base_model, **options}
    _save(args.out, plan, written, made_with, findings)
    _show(plan, written, args.out, findings)


def _write(
    plan: Plan,
    args: argparse.Namespace,
    video: Path,
    adapter: Path,
    card: NarratorCard,
    options: dict[str, Any],
    findings: Findings,
) -> list[WrittenClip]:
    import torch

    from vn.adapter import load_adapter
    from vn.data.encoders import load_matching_encoder
    from vn.data.frames import encode_video
    from vn.llm.decoding import Decoding
    from vn.llm.generate import Footage, StoryWriter

    assembly = load_adapter(adapter, args.base_model)
    card = assembly.card
    encoder = load_matching_encoder(card.encoder, card.tokens, card.width, args.encoder_weights)
    features = encode_video(video, encoder, findings=findings)
    assembly.narrator.to(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    # A raw video has no references, so the range is that of the clip's duration.
    assembly.packer.words = WordRangeRule("duration", card.word_range.rate, card.word_range.margin)
    decoding = Decoding(length_control=options["length"], **{k: v for k, v in options.items() if k != "length"})
    writer = StoryWriter(assembly.narrator, assembly.packer, decoding)
    clips = range(len(plan.story.clips))
    footage = Footage(plan.story, features.features, features.seconds, clips, plan.fixed)
    written: list[WrittenClip] = []
    pool = writer.pool(1)
    with _progress(len(clips)) as follow:
        pool.add(writer.story(footage, follow=follow), written.extend)
        pool.finish()
    forgotten = 0
    for each in written:
        where = f"clips[{each.clip}].narration"
        if each.problem:
            findings.add(each.problem, file=video, field=where)
        if each.clip >= (plan.first or 0) and "narration" in plan.given.get(each.clip, ()):
            count, words = count_words(each.written.narration, plan.story.language), each.written.words
            if count not in words:
                message = f"yours has {count} words, the clip time for {words.low} to {words.high}"
                findings.add(message, file=args.edit or args.product, field=where)
        if each.forgotten > forgotten:
            forgotten = each.forgotten
            message = f"from here on the text of the first {forgotten} clips is not read: it no longer fits"
            findings.add(message, file=video, field=where)
    return written


@contextmanager
def _progress(clips: int) -> Iterator[Any]:
    """A bar on stderr that moves on with each clip."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("clips", total=clips)
        yield lambda written: progress.advance(task)


def _save(out: Path, plan: Plan, written: list[WrittenClip], made_with: dict[str, Any], findings: Findings) -> None:
    from vn.subtitles import cues, srt, vtt

    story, first = plan.story, plan.first or 0
    data = story.to_dict()
    for each in written:
        if each.clip < first:
            data["clips"][each.clip] = plan.entries[each.clip]
        else:
            before = plan.entries[each.clip] if plan.entries else {}
            data["clips"][each.clip] |= _added(story, each, plan.given.get(each.clip, ()), before)
    data["warnings"] = [*plan.warnings, *(line for line in findings.lines if line not in plan.warnings)]
    data["record"] = record(story, made_with)
    write_text(out / "story.json", json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    lines = cues([(c.start, c.end, c.narration or "") for c in story.clips], story.language)
    write_text(out / "story.srt", srt(lines))
    write_text(out / "story.vtt", vtt(lines))


def _added(story: Story, written: WrittenClip, given: Any, before: Mapping[str, Any]) -> dict[str, Any]:
    """How a clip came about."""
    from vn.knowledge_use import used_points
    from vn.llm.labels import likeliest

    words, narration = written.written.words, written.written.narration
    added: dict[str, Any] = {
        "word_range": [words.low, words.high],
        "words": count_words(narration, story.language),
        "knowledge_used": [
            {"aspect": aspect, "point": point}
            for aspect, point in used_points(narration, story.knowledge, story.language)
        ],
    }
    odds = likeliest(written.odds, story.language)
    if odds is None and "labels" not in given:
        odds = before.get("label_odds")  # the labels have stayed, and so has how likely they were
    if odds:
        added["label_odds"] = odds
    if given:
        added["fixed"] = list(given)
    return added


def _show(plan: Plan, written: list[WrittenClip], out: Path, findings: Findings) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vn.knowledge_use import used_points

    story = plan.story
    used: dict[str, None] = {}  # in order, each once
    table = Table("time", "script label", "narration", "words", title=escape(story.title))
    for each in written:
        clip = story.clips[each.clip]
        count, words = count_words(each.written.narration, story.language), each.written.words
        label = "+".join(x.text(story.language) for x in each.written.labels or ())
        mark = "" if count in words else " !"
        yours = "" if each.clip < (plan.first or 0) else " (yours)"
        given = plan.given.get(each.clip, ())
        table.add_row(
            f"{clip.start:.1f}-{clip.end:.1f}",
            escape(label) + (yours if "labels" in given else ""),
            escape(each.written.narration) + (yours if "narration" in given else ""),
            f"{count} of {words.low}-{words.high}{mark}",
        )
        used |= {point: None for _, point in used_points(each.written.narration, story.knowledge, story.language)}
    Console().print(table)
    if points := sum(len(each.points) for each in story.knowledge):
        print(f"uses {len(used)} of {points} knowledge points{': ' if used else ''}{', '.join(used)}")
    if plan.first:
        print(f"clips 1 to {plan.first} stand as they were")
    if findings:
        print(findings.summary(), file=sys.stderr)
    print(f"wrote {out / 'story.json'}, story.srt, story.vtt")
