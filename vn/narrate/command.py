"""``vn narrate``: a raw video and a product file in; story.json and subtitles out."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.errors import Findings, InputError
from vn.lock import claim
from vn.narrate.edit import Plan, plan_of, read_edited
from vn.narrate.output import save, show
from vn.narrate.product import read_product, read_storyline
from vn.narrate.write import write_story
from vn.story import Clip, Labels

if TYPE_CHECKING:
    from vn.adapter import NarratorCard

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
    written = write_story(plan, args, video, adapter, card, options, findings)
    clips = list(plan.story.clips)
    for each in written:
        labels = each.written.labels if each.written.labels is not None else clips[each.clip].labels
        narration = each.written.narration or None
        clips[each.clip] = dataclasses.replace(clips[each.clip], labels=labels or None, narration=narration)
    plan = dataclasses.replace(plan, story=dataclasses.replace(plan.story, clips=tuple(clips)))
    made_with = {"adapter": str(adapter), "base_model": args.base_model, **options}
    save(args.out, plan, written, made_with, findings)
    show(plan, written, args.out, findings)
