"""``vn export``: a run's language model for stock transformers or PEFT, checked by replaying golden prompts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vn.errors import InputError
from vn.extras import require
from vn.io.lock import claim
from vn.plugins import add_import_option
from vn.story import Clip, Knowledge, Language, ScriptLabel, Story
from vn.story_reader import parse_story

if TYPE_CHECKING:
    from vn.export.formats import Replay

EXAMPLES = """\
examples:
  vn export runs/demo --to merged --out exported/demo      a model folder: AutoModelForCausalLM.from_pretrained(...)
  vn export runs/demo --to peft --out exported/adapter     an adapter: PeftModel.from_pretrained(base, ...)
  vn export runs/demo --push user/repo --private           its adapter folder on the Hugging Face hub
Both work in vn: vn test --run runs/demo --adapter exported/demo/narrator (or exported/adapter) --out again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn export``."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("run", type=Path, help="a run folder, or an adapter folder")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", choices=("merged", "peft"), help="merged weights, or a PEFT adapter")
    what.add_argument(
        "--push", metavar="USER/REPO", help="upload the adapter folder: vn narrate --adapter hf://USER/REPO loads it"
    )
    parser.add_argument("--private", action="store_true", help="with --push: a new repository is private")
    parser.add_argument("--out", type=Path, help="the folder to write (default: RUN/export-merged or RUN/export-peft)")
    parser.add_argument(
        "--dtype", choices=("bfloat16", "float16", "float32"), default="bfloat16", help="dtype of written base weights"
    )
    parser.add_argument(
        "--shard-size", default="5GB", metavar="SIZE", help="size of one weights file at most (default: 5GB)"
    )
    parser.add_argument("--golden", type=int, default=2, metavar="N", help="stories to replay as a check (default: 2)")
    add_import_option(parser)
    parser.add_argument("--base-model", help="where the base model is, if it has moved since training")


def run(args: argparse.Namespace) -> int:
    """Export, replay, report."""
    if args.golden < 1:
        raise InputError(f"expected 1 or more, got {args.golden}", field="--golden")
    adapter = args.run / "adapter" if (args.run / "adapter").is_dir() else args.run
    if args.push is not None:
        return _push(args, adapter)
    out = args.out or args.run / f"export-{args.to}"
    require("torch", command="export")
    from vn.card import read_card

    card = read_card(adapter)  # before anything slow
    if out.resolve() in (adapter.resolve(), args.run.resolve()):
        raise InputError("would overwrite the exported run; name another folder", file=out, field="--out")
    if out.exists() and any(out.iterdir()) and not _is_export(out):
        raise InputError("is not empty and not an earlier export; name another folder", file=out, field="--out")
    stories = _golden_stories(args.run, card.language, args.golden, card.storyline)

    from vn.adapter import load_adapter, ngrams_of, replace_folder
    from vn.export.formats import WRITERS, golden, replay

    write, load = WRITERS[args.to]
    with claim(out.parent, "vn export"):
        # LoRA trained over 4 or 8 bits is written for full-precision weights: merging into others loses accuracy.
        assembly = load_adapter(adapter, args.base_model, merge=False, quantized=False, imports=args.imports)
        assembly.ngrams = ngrams_of(adapter, assembly) if card.drafts is not None else None
        prompts = golden(assembly, stories)
        with replace_folder(out) as new:
            try:
                write(assembly, new, out, args.dtype, args.shard_size)
            except ValueError as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(str(error), field="--shard-size") from None
            del assembly  # a large model need not be in memory twice
            result = replay(prompts, *load(new, card.dtype), args.dtype)
    if card.quantization != "none":
        print(f"trained over {card.quantization} weights; exported and compared with full-precision base weights")
    print(_summary(result, out, args.to, args.dtype))
    return 0


def _push(args: argparse.Namespace, adapter: Path) -> int:
    from vn.export.hub import needs_base_model, push_adapter

    place = push_adapter(adapter, args.run, args.push, args.private)
    print(f"pushed {place}; vn narrate VIDEO --product FILE --adapter hf://{args.push} --out DIR")
    if base := needs_base_model(adapter):
        print(f"its base model {base} is not on the hub: whoever loads it must give its path with --base-model")
    return 0


def _is_export(folder: Path) -> bool:
    return (folder / "narrator" / "narrator.json").exists() or (folder / "narrator.json").exists()


def _golden_stories(run: Path, language: str, count: int, storyline: bool) -> list[Story]:
    """The first evaluated stories of a run, or one of our own."""
    file = run / "stories.jsonl"
    if file.exists():
        from vn.score.predictions import read_lines

        stories = [parse_story(line, file=file, overlap="keep") for line in read_lines(file)]
        narrated = [
            story
            for story in stories
            if story.narrated and (not storyline or all(story.clips[i].labels for i in story.narrated))
        ][:count]
        if narrated:
            return narrated
    return [_made_up("zh" if language == "zh" else "en")]


def _made_up(language: Language) -> Story:
    if language == "zh":
        texts, title, points = (
            ("水壶太旧了？", "一分钟就能烧开，外观是红色的。", "现在下单买一送一。"),
            "极光水壶",
            ("不锈钢",),
        )
    else:
        texts = ("Is your kettle old?", "This red one boils in a minute.", "Get two for the price of one.")
        title, points = "Aurora kettle", ("steel",)
    labels = (ScriptLabel.SORE_POINT, ScriptLabel.APPEARANCE, ScriptLabel.CALL_TO_ACTION)
    clips = tuple(
        Clip(4.0 * n, 4.0 * n + 4, (label,), text) for n, (label, text) in enumerate(zip(labels, texts, strict=True))
    )
    return Story(
        "golden", title, language, "ad", (Knowledge("材质" if language == "zh" else "Material", points),), clips
    )


def _summary(result: Replay, out: Path, to: str, dtype: str) -> str:
    texts, equal = result.texts
    use = "AutoModelForCausalLM.from_pretrained" if to == "merged" else "PeftModel.from_pretrained"
    return "\n".join(
        [
            f"golden prompts, replayed through {use} ({dtype} weights):",
            f"  {result.places} places; largest difference of a logit {result.largest:.3g}, logits up to "
            f"{result.scale:.3g}; the same most likely token at {100 * result.same_choice:.1f} %",
            f"  {equal} of {texts} texts have the same ids with the tokenizer beside it",
            f"wrote {out}",
        ]
    )
