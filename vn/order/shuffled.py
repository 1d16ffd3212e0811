"""``vn order`` on a data folder: the clips of its videos are shuffled, and the orders found are scored."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence

from vn.data.manifest import Manifest
from vn.data.shard_entries import SampleEntry
from vn.data.shards import read_sample, read_story, read_thumbs
from vn.data.thumbs import strip
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.io.hashes import hash_folder
from vn.io.lock import claim
from vn.order.alone import with_texts
from vn.order.clips import Clips, clips_of, places_of, without_texts
from vn.order.methods import Method
from vn.order.options import Opened, methods_in
from vn.order.show import print_scores
from vn.order.votes import Order
from vn.ordered import Ordered, Result, write_result
from vn.progress import progress
from vn.visual.plan import clip_frames

ASKED = "order.sqlite"  # replies of chat models


def order_split(args: argparse.Namespace) -> int:
    """Order the shuffled clips of a split by each method that is named, and write and print what came of it.

    Raises:
        InputError: something is missing, or a video cannot be read.
    """
    out = args.out or args.run
    if out is None:
        raise InputError("say where results are written: --out, or --run for its folder")
    for name in ("product", "storyline"):
        if getattr(args, name) is not None:
            raise InputError("is for clips that are files; a data folder has its own", field=f"--{name}")
    names = methods_in(args, several=True)
    cache, findings = DiskCache(out / ASKED), Findings()
    opened = Opened(args, cache)
    folder = opened.data
    manifest = Manifest.load(folder)
    entries = [entry for entry in manifest.samples(args.split)[: args.limit] if (entry.narrated or entry.clips) > 1]
    if not entries:
        raise InputError(f"the {args.split} split has no video of two clips or more", file=folder / "manifest.json")
    if args.split == "train" and set(names) != {"chat"}:
        message = "the methods go by these very stories, so that the scores are too high; use --split val or test"
        findings.add(message, file=folder / "manifest.json", field="train")
    amount = _Amount(len(entries), sum(entry.narrated or entry.clips for entry in entries))
    methods = {name: opened.method(name, amount) for name in names}
    made_from = {
        "data": manifest.sha256,
        "split": args.split,
        "limit": args.limit,
        "seed": args.seed,
        "adapter": hash_folder(opened.adapter) if opened.adapter is not None else None,
    }
    with claim(out, "vn order"):
        found: dict[str, list[Ordered]] = {name: [] for name in names}
        with progress("videos", len(entries)) as step:
            for clips, given in _videos(args, opened, entries, names):
                for name, method in methods.items():
                    found[name].append(_ordered(method, clips, given, findings))
                step()
        for name, videos in found.items():
            settings = dict(methods[name].settings)
            cost = methods[name].report()
            write_result(out, Result(name, args.texts, {**made_from, "settings": settings}, tuple(videos), cost))
    cache.close()
    print_scores(out, names, args.texts)
    if findings:
        print(findings.summary(), file=sys.stderr)
    return 0


class _Amount:
    """See `vn.endpoints.options.Amount`."""

    examples = 0

    def __init__(self, videos: int, clips: int) -> None:
        self.videos, self.clips = videos, clips


def shuffle(count: int, seed: int, story: str) -> Order:
    """An order of clips that depends on the seed and the story's id alone."""
    order = list(range(count))
    random.Random(f"order/{seed}/{story}").shuffle(order)
    return tuple(order)


def _videos(
    args: argparse.Namespace, opened: Opened, entries: Sequence[SampleEntry], names: Sequence[str]
) -> Iterator[tuple[Clips, Order]]:
    """The clips of each video, shuffled, and their true places."""
    folder = opened.data
    seen = "chat" in names and args.shown != "texts"
    read = "likelihood" in names or args.texts == "predicted"  # others do without frames, and without a narrator
    for entry in entries:
        shard = folder / entry.shard
        if read:
            card = opened.assembly.card
            story, features, seconds = read_sample(shard, entry, (card.tokens, card.width))
            clips = clips_of(story, features, seconds)
        else:
            clips = clips_of(read_story(shard, entry))
        if seen:
            clips = _with_pictures(clips, shard, entry)
        given = shuffle(len(clips), args.seed, clips.story.id)
        clips = clips.shuffled(given)
        if args.texts == "predicted":
            clips = with_texts(without_texts(clips), opened.assembly)
        yield clips, given


def _with_pictures(clips: Clips, shard: object, entry: SampleEntry) -> Clips:
    """Clips with a strip of thumbnails each."""
    from dataclasses import replace

    from vn.data.shards import read_seconds

    thumbs, seconds = read_thumbs(shard, entry), read_seconds(shard, entry)  # type: ignore[arg-type]
    if thumbs is None:
        raise InputError("the shards have no thumbnails to show", sample=entry.key)
    story = read_story(shard, entry)  # type: ignore[arg-type]
    numbers = story.narrated or range(len(story.clips))
    spans = [clip_frames(seconds, story.clips[i].start, story.clips[i].end) for i in numbers]
    return replace(clips, pictures=tuple(strip([thumbs[i] for i in span]) for span in spans))


def _ordered(method: Method, clips: Clips, given: Order, findings: Findings) -> Ordered:
    answer = method.order(clips)
    if answer.refused:
        findings.add(f"{answer.refused}; the order given was kept", sample=clips.story.id)
    found = tuple(places_of(answer.order, given))
    return Ordered(clips.story.id, given, found, answer.expected, answer.refused)
