"""Narrations of an exact length, knowledge that does not fit, and long stories: this build beside an older one.

    git worktree add --detach ../old COMMIT
    python benchmarks/length.py --old ../old --work demo-folder

The folder is the one in which ``vn demo`` ran. Each measurement is a process that counts its processor seconds without
start-up; the builds take turns. Texts and prompts of both must be the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from two_builds import Build, builds, run

CLIPS = 44  # of the long story


def demo(work: Path, videos: int) -> tuple[Any, list[Any]]:
    """The demo's narrator and the first videos of its test split."""
    from vn.adapter import load_adapter
    from vn.data.manifest import Manifest
    from vn.data.shards import read_sample

    assembly = load_adapter(str(work / "runs/demo/adapter"), base_model=str(work / "demo-work/base-lm"))
    data = work / "demo-work/shards"
    entries = list(Manifest.load(data).samples("test"))[:videos]
    return assembly, [read_sample(str(data / each.shard), each) for each in entries]


def write(assembly: Any, samples: Sequence[Any], control: Any) -> dict[str, Any]:
    """Write stories one after another; seconds after each clip."""
    from vn.generation.decoding import Decoding
    from vn.generation.draft import VideoInput
    from vn.generation.story_writer import StoryWriter

    writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(length_control=control))
    pool, done, at = writer.pool(1), [], [time.process_time()]
    for sample in samples:
        work = writer.story(VideoInput(*sample), "predicted", follow=lambda clip: at.append(time.process_time()))
        pool.add(work, done.append)
    pool.finish()
    texts = [clip.written.narration for story in done for clip in story]
    return {"cpu": at[-1] - at[0], "passes": pool.decoder.passes, "clips": len(texts), "result": texts, "at": at}


def exact(work: Path, margin: str, control: str, videos: str) -> dict[str, Any]:
    """Write the test split within word ranges of a margin."""
    assembly, samples = demo(work, int(videos))
    assembly.builder.words = replace(assembly.builder.words, margin=int(margin))
    return write(assembly, samples, control)


def knowledge(work: Path, points: str, kind: str) -> dict[str, Any]:
    """Fit the training rows of 40 clips with more knowledge than the context holds."""
    from vn.story import Clip, Knowledge

    assembly, [(story, frames, seconds)] = demo(work, 1)
    facts = [f"point number {n} is true" for n in range(int(points))]
    lines = [("Facts", tuple(facts))] if kind == "one" else [(f"Aspect {n}", (x,)) for n, x in enumerate(facts)]
    first = story.clips[0]
    clips = tuple(Clip(3.0 * i, 3.0 * i + 3, first.labels, first.narration) for i in range(40))
    story = replace(story, knowledge=tuple(Knowledge(*line) for line in lines), clips=clips)
    builder = assembly.builder
    plans = [builder.plan(story, frames, seconds, clip) for clip in range(40)]
    began = time.process_time()
    rows = [builder.training_row(story, plan, clip) for clip, plan in enumerate(plans)]
    return {"cpu": time.process_time() - began, "result": [[row.ids, row.supervised, str(row.cut)] for row in rows]}


def long(work: Path) -> dict[str, Any]:
    """A story of many clips: the 40th beside the 5th, with two clips before and after."""
    import numpy as np

    from vn.story import Clip

    assembly, samples = demo(work, 7)
    assembly.builder.max_length = 8192
    frames = np.concatenate([frames for _, frames, _ in samples] * 3)
    length = len(frames) / CLIPS
    story = replace(samples[0][0], clips=tuple(Clip(i * length, (i + 1) * length) for i in range(CLIPS)))
    one = (story, frames, np.arange(len(frames), dtype=np.float32))
    write(assembly, [one], "none")
    found = write(assembly, [one], "none")
    at = found["at"]
    return {"cpu": (at[42] - at[37]) / 5, "fifth": (at[7] - at[2]) / 5, "result": found["result"]}


def measure(old: Build, new: Build, work: Path, words: Sequence[str], rounds: int) -> dict[str, dict[str, Any]]:
    """A measurement of both builds in turn: medians, and the check that results are the same."""
    ran: dict[str, list[dict[str, Any]]] = {old.name: [], new.name: []}
    command = [sys.executable, str(Path(__file__).resolve()), "--work", str(work.resolve()), "--one", *words]
    for number in range(rounds):
        for build in (old, new) if number % 2 else (new, old):
            one = run(build, command, work)
            if one.code:
                raise SystemExit(f"{build.name}: exit code {one.code}\n{one.stderr}")
            ran[build.name].append(json.loads(one.stdout.splitlines()[-1]))
    if len({each["result"] for some in ran.values() for each in some}) != 1:
        raise SystemExit(f"{words}: the builds' results differ")
    return {
        name: {key: statistics.median(each[key] for each in some) for key in some[0] if key != "result"}
        for name, some in ran.items()
    }


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the older build")
    parser.add_argument("--work", type=Path, default=Path(), help="where vn demo ran")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--videos", default="28", help="how many of the test split")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        name, *options = args.one
        found = {"exact": exact, "knowledge": knowledge, "long": long}[name](args.work, *options)
        found["result"] = sha256(json.dumps(found["result"]).encode()).hexdigest()
        found.pop("at", None)
        print(json.dumps(found))
        return
    old, new = builds(args.old)
    for margin in "210":
        none = measure(old, new, args.work, ["exact", margin, "none", args.videos], args.rounds)
        kept = measure(old, new, args.work, ["exact", margin, "exact", args.videos], args.rounds)
        text = "  ".join(
            f"{name}: none {none[name]['cpu']:.2f} s, exact {kept[name]['cpu']:.2f} s, "
            f"{kept[name]['cpu'] / none[name]['cpu']:.2f}x, {kept[name]['passes'] / none[name]['passes']:.2f}x passes"
            for name in ("old", "new")
        )
        print(f"margin {margin}, {none['new']['clips']:.0f} clips  {text}", flush=True)
    for kind in ("one", "many"):
        for points in ("300", "3000"):
            found = measure(old, new, args.work, ["knowledge", points, kind], args.rounds)
            print(f"{points} points, {kind} aspects  old {found['old']['cpu']:.2f} s  new {found['new']['cpu']:.2f} s")
    found = measure(old, new, args.work, ["long"], args.rounds)
    for name, each in found.items():
        print(f"{name}: 5th clip {1000 * each['fifth']:.1f} ms, 40th {1000 * each['cpu']:.1f} ms")


if __name__ == "__main__":
    main()
