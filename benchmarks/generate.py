"""The cost of writing stories, compared with the released procedure and HF's `generate`.

    python benchmarks/generate.py                 # everything; parts: check race growth split bound passes memory long
    python benchmarks/generate.py race --models tiny --rounds 3

Ratios come from one run, interleaved story by story; both wall and process CPU time are shown, since on a busy machine
only the latter is meaningful. Stories are those of VN_REAL_DATA if it is set, else made up with such lengths.
`benchmarks/narrators.py` describes what each contestant does; all write the same texts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import median

import narrators as n
import stories as s
import torch
from contestants import SHAPES
from flops import LLAMA_7B, Load, forward_flops
from hardware import CPU, Seconds

from vn.story import Fixed, Story

STORIES = 8


def eight(clips: int | None, alike: bool = False) -> tuple[list[Story], str]:
    """Eight stories and what they are: evenly through the sample by number of clips, or all of about the median."""
    found, what = s.stories()
    found = sorted((x for x in found if len(x.narrated) >= 2), key=lambda x: (len(x.narrated), x.id))
    if alike:
        chosen = found[(len(found) - STORIES) // 2 :][:STORIES]
    else:
        chosen = [found[(2 * i + 1) * len(found) // (2 * STORIES)] for i in range(STORIES)]
    if clips is not None:
        chosen = [s.first_clips(x, clips) for x in chosen]
    count = sum(len(x.narrated) for x in chosen)
    kind = " of median length" if alike else ""
    return chosen, f"{STORIES}{kind} of {what}, {count} narrated clips" + (f", {clips} at most" if clips else "")


# -- check ---------------------------------------------------------------------------------------------------------


def check() -> None:
    """All read the same: each text's first token would be the same one."""
    story = s.made_up_story(4)
    for name in ("tiny",):
        narrator, builder = n.make_narrator(SHAPES[name]), n.make_packer(SHAPES[name])
        counts = [n.Count() for _ in range(3)]
        n.released(narrator, builder, story, counts[0])
        n.cached(narrator, builder, story, counts[1])
        n.ours(n.ReferenceWriter(narrator, builder), [story], counts[2], 1)
        first, second, third = (count.firsts for count in counts)
        assert first == second, (first, second)
        # Ours chooses labels among the 12 only, so that of theirs only narrations are the same.
        same = sum(a == b for a, b in zip(first[1::2], third[1::2], strict=True))
        assert same == len(first[1::2]), (first, third)
        print(f"One first token of each of {len(first) // 2} narrations, whoever writes ({name}).")


# -- race ----------------------------------------------------------------------------------------------------------


def since(begin: Seconds) -> Seconds:
    """How long it has been."""
    wall, cpu = CPU.now()
    return wall - begin[0], cpu - begin[1]


def race(models: list[str], rounds: int, clips: int | None, some: int, alike: bool, hf: bool) -> None:
    """Seconds a clip to write eight stories; one by one only some of them, from the middle."""
    stories, what = eight(clips, alike)
    alone = stories[(STORIES - some) // 2 :][:some]
    if some < STORIES:
        what += f"; one by one {some} of them, {sum(len(x.narrated) for x in alone)} clips"
    print(f"{what}. One thread, {rounds} round(s), story by story in turn.\n")
    print("| model | contestant | wall s a clip | CPU s a clip | released / this: wall | CPU | FLOP | share of it |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in models:
        race_of(name, stories, alone, rounds, hf)


def race_of(name: str, stories: list[Story], alone: list[Story], rounds: int, hf: bool) -> None:
    """The same of one model."""
    narrator, builder = n.make_narrator(SHAPES[name]), n.make_packer(SHAPES[name])
    writer = n.ReferenceWriter(narrator, builder)
    n.ours(writer, [s.made_up_story(1)], n.Count(), 1)  # warm up
    if name == "tiny":
        n.released(narrator, builder, s.made_up_story(1), n.Count())
    who: dict[str, Callable[[Story, n.Count], None]] = {
        "released": lambda story, count: n.released(narrator, builder, story, count),
        "HF, cache within a clip": lambda story, count: n.cached(narrator, builder, story, count),
        "ours, one by one": lambda story, count: n.ours(writer, [story], count, 1),
    }
    if not hf:
        del who["HF, cache within a clip"]
    together = f"ours, {len(stories)} at once"
    clips = {each: sum(len(x.narrated) for x in alone) for each in who}
    clips[together] = sum(len(x.narrated) for x in stories)
    flop: dict[str, float] = {}  # a clip
    took: dict[str, list[Seconds]] = {}  # a clip, of each round
    for _ in range(rounds):
        here = dict.fromkeys((*who, together), (0.0, 0.0))
        counts = {each: n.Count() for each in (*who, together)}
        for i, story in enumerate(alone):
            for each, write in who.items():
                begin = CPU.now()
                write(story, counts[each])
                wall, cpu = since(begin)
                here[each] = here[each][0] + wall, here[each][1] + cpu
                print(f"  {name} {i} {each}: {cpu:.2f} s CPU", file=sys.stderr, flush=True)
        begin = CPU.now()
        n.ours(writer, stories, counts[together], STORIES)
        here[together] = since(begin)
        print(f"  {name} {together}: {here[together][1]:.2f} s CPU", file=sys.stderr, flush=True)
        for each, seconds in here.items():
            took.setdefault(each, []).append((seconds[0] / clips[each], seconds[1] / clips[each]))
            flop[each] = forward_flops(SHAPES[name], counts[each].load) / clips[each]
    for each, rows in took.items():
        bound = flop["released"] / flop[each]
        cells = [f"{median(row[i] for row in rows):.3f}" for i in (0, 1)]
        for i in (0, 1):
            ratios = [a[i] / b[i] for a, b in zip(took["released"], rows, strict=True)]
            cells.append(f"{median(ratios):.2f}" + (f" ({min(ratios):.2f}-{max(ratios):.2f})" if rounds > 1 else ""))
        cells += [f"{bound:.2f}", f"{100 * median(ratios) / bound:.0f} %"]
        print(f"| {name} | {each} | {' | '.join(cells)} |", flush=True)


# -- growth ----------------------------------------------------------------------------------------------------------


def forty() -> Story:
    """A story of 40 clips, all of whose texts are of the same length."""
    story = s.made_up_story(40)
    text, labels = story.clips[0].narration, story.clips[0].labels
    return replace(story, clips=tuple(replace(clip, narration=text, labels=labels) for clip in story.clips))


def growth(models: list[str], rounds: int) -> None:
    """What a clip costs late in a story: all clips have texts of the same length."""
    story = forty()
    text, labels = story.clips[0].narration, story.clips[0].labels
    # Most are given, and only read: what is timed are clips whose forerunner was written.
    written = (3, 4, 5, 37, 38, 39)
    fixed = {i: Fixed(labels, text) for i in range(40) if i not in written}
    print("A story of 40 clips whose texts are equally long, one by one; CPU seconds of a clip.\n")
    print("| model | 5th | 40th | 40th / 5th | FLOP: 40th / 5th | tokens before the 40th |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in models:
        narrator, builder = n.make_narrator(SHAPES[name]), n.make_packer(SHAPES[name])
        narrator.causal_lm.set_attn_implementation(n.TREE)
        writer = n.ReferenceWriter(narrator, builder)
        found: list[tuple[float, float]] = []
        flop: list[float] = []
        for _ in range(rounds):
            writer.count = n.Count()
            marks, flop = [time.process_time()], [0.0]

            def follow(_: object) -> None:
                marks.append(time.process_time())  # noqa: B023
                flop.append(forward_flops(SHAPES[name], writer.count.load))  # noqa: B023

            pool = writer.pool(1)
            pool.add(writer.story(replace(n.video_inputs(story), fixed=fixed), follow=follow), lambda _: None)
            pool.finish()
            took = [b - a for a, b in pairwise(marks)]
            found.append(((took[4] + took[5]) / 2, (took[38] + took[39]) / 2))
        early, late = (median(each[i] for each in found) for i in (0, 1))
        ratio = median(b / a for a, b in found)
        each = [b - a for a, b in pairwise(flop)]
        before = len(n.prompts(builder, story, 39)[0].ids)
        print(f"| {name} | {early:.3f} | {late:.3f} | {ratio:.2f} | {each[39] / each[4]:.2f} | {before} |", flush=True)


def split() -> None:
    """Of what the 5th and the 40th clip cost by FLOPs, attention and the rest; of a 7B model by formula, too."""
    narrator, builder = n.make_narrator(SHAPES["tiny"]), n.make_packer(SHAPES["tiny"])
    narrator.causal_lm.set_attn_implementation(n.TREE)
    writer = n.ReferenceWriter(narrator, builder)
    writer.count = n.Count()
    loads: list[Load] = []

    def follow(_: object) -> None:
        loads.append(writer.count.load)
        writer.count.load = Load(0, 0, 0)

    pool = writer.pool(1)
    pool.add(writer.story(n.video_inputs(forty()), follow=follow), lambda _: None)
    pool.finish()
    print("Ours, one by one, by formula: GFLOP of a clip, of them attention, and how much of each the 40th takes.\n")
    print("| model | 5th | of it attention | 40th | of it attention | 40th / 5th | attention | the rest |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, shape in {**SHAPES, "7B": LLAMA_7B}.items():
        early, late = (
            (forward_flops(shape, load), 4 * shape.layers * shape.heads * shape.head_width * load.pairs)
            for load in (loads[4], loads[39])
        )
        cells = [f"{x / 1e9:.3g} | {100 * y / x:.0f} %" for x, y in (early, late)]
        rest = (late[0] - late[1]) / (early[0] - early[1])
        cells += [f"{late[0] / early[0]:.2f}", f"{late[1] / early[1]:.2f}", f"{rest:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\nTokens through the model: {loads[4].tokens} and {loads[39].tokens}.")


def bound() -> None:
    """By how much ours could be faster if arithmetic were all, by the clips of a story."""
    narrator, builder = n.make_narrator(SHAPES["tiny"]), n.make_packer(SHAPES["tiny"])
    writer = n.ReferenceWriter(narrator, builder)
    names = [*SHAPES, "7B"]
    print("FLOPs of the released procedure / ours, by formula; made-up stories of real lengths.\n")
    print(f"| clips | {' | '.join(names)} |\n|---:|{'---:|' * len(names)}")
    for clips in (3, 5, 7, 10, 15, 20):
        story, theirs, our = s.made_up_story(clips), n.Count(), n.Count()
        n.count_released(builder, story, theirs)
        n.ours(writer, [story], our, 1)
        ratios = [forward_flops(x, theirs.load) / forward_flops(x, our.load) for x in (*SHAPES.values(), LLAMA_7B)]
        print(f"| {clips} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", flush=True)


# -- passes ----------------------------------------------------------------------------------------------------------


def passes() -> None:
    """How many passes read one token of each story, which a CUDA graph can replay."""
    narrator, builder = n.make_narrator("tiny"), n.make_packer("tiny")
    stories, what = s.stories()
    stories = [x for x in stories if all(len(clip.narration or "") < 100 for clip in x.clips)]  # none is cut
    clips = sum(len(x.narrated) for x in stories)
    print(f"{len(stories)} of {what}, {clips} clips. Passes: of single tokens only; with labels or leads beside them;")
    print("with prompts. Static: as on CUDA, where these wait for a quarter of the stories.\n")
    print("| at once | static | passes | single tokens | labels | prompts | not single |")
    print("|---:|---|---:|---:|---:|---:|---:|", flush=True)
    for at_once in (1, 8, 32):
        for static in (False, True):
            count = n.Count()
            n.ours(n.ReferenceWriter(narrator, builder, static), stories, count, at_once)
            total = sum(count.passes.values())
            cells = [
                f"{count.passes[kind]} ({count.passes[kind] / total:.0%})" for kind in ("tokens", "labels", "prompts")
            ]
            other = total - count.passes["tokens"]
            print(f"| {at_once} | {'yes' if static else 'no'} | {total} | {' | '.join(cells)} | {other} |", flush=True)


# -- memory ----------------------------------------------------------------------------------------------------------


def peak() -> int:
    """The most memory this process has had resident, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def memory_of(what: str, name: str) -> None:
    """In a process of its own: prints the peak before and after."""
    narrator, builder = n.make_narrator(SHAPES[name]), n.make_packer(SHAPES[name])
    stories, _ = eight(2 if name == "smollm2" else None)
    before = peak()
    if what == "released":
        n.released(narrator, builder, stories[-1], n.Count())
    else:
        writer = n.ReferenceWriter(narrator, builder)
        n.ours(writer, stories if what == "8" else stories[-1:], n.Count(), int(what))
    print(before, peak())


def memory(models: list[str]) -> None:
    """Peak memory."""
    print("A process each (SmolLM2 writes two clips a story): peak, and what writing added to model and libraries.\n")
    print("| model | contestant | peak MB | added MB |\n|---|---|---:|---:|")
    for name in models:
        for what, title in (("released", "released"), ("1", "ours, one by one"), ("8", "ours, 8 at once")):
            command = [sys.executable, __file__, "--memory-of", what, name]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            before, after = map(int, out[-2:])
            print(f"| {name} | {title} | {after / 1e6:.0f} | {(after - before) / 1e6:.0f} |", flush=True)


# -- long ----------------------------------------------------------------------------------------------------------


def long(clips: int) -> None:
    """An hour of video in 600 shots: time, memory, and what is forgotten, with a context of 4,096 tokens."""
    narrator, builder = n.make_narrator(SHAPES["tiny"]), n.make_packer(SHAPES["tiny"])
    builder.max_length = 4096
    narrator.causal_lm.set_attn_implementation(n.TREE)
    story = s.made_up_story(clips)
    writer = n.ReferenceWriter(narrator, builder)
    n.ours(writer, [s.made_up_story(2)], n.Count(), 1)  # warm up
    pool = writer.pool(1)
    marks: list[tuple[float, int, int]] = [(time.process_time(), peak(), 0)]
    done: list[int] = []

    def follow(written) -> None:  # type: ignore[no-untyped-def]
        marks.append((time.process_time(), peak(), written.forgotten))

    pool.add(writer.story(n.video_inputs(story), follow=follow), lambda written: done.append(len(written)))
    pool.finish()
    assert done == [clips]
    print(
        f"`tiny`, {clips} clips, one by one, a context of 4,096 tokens. CPU seconds and peak memory over the clips.\n"
    )
    print("| clips | s a clip | peak MB, above the start | clips forgotten |\n|---|---:|---:|---:|")
    for start in range(0, clips, clips // 6):
        end = start + clips // 6
        seconds = (marks[end][0] - marks[start][0]) / (end - start)
        print(f"| {start + 1}-{end} | {seconds:.3f} | {(marks[end][1] - marks[0][1]) / 1e6:.0f} | {marks[end][2]} |")
    print(
        f"\nThe beginning was read {writer.trunks_read} times; the cache takes {pool.decoder.cache.bytes / 1e6:.0f} MB."
    )


def main() -> None:
    """Print the tables asked for."""
    parts = ["check", "race", "growth", "split", "bound", "passes", "memory", "long"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=parts, metavar="part")
    parser.add_argument("--models", nargs="*", default=["tiny", "smollm2"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stories", type=int, default=STORIES, help="in the race: of the eight, one by one so many")
    parser.add_argument("--alike", action="store_true", help="in the race: the eight nearest to the median length")
    parser.add_argument("--no-hf", action="store_true", help="in the race: without HF's `generate`")
    parser.add_argument("--clips", type=int, help="of a story at most, in the race: a shorter run, and lower ratios")
    parser.add_argument("--shots", type=int, default=600, help="of the long story")
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory_of:
        memory_of(*args.memory_of)
        return
    work = {
        "check": check,
        "race": lambda: race(args.models, args.rounds, args.clips, args.stories, args.alike, not args.no_hf),
        "growth": lambda: growth(args.models, args.rounds),
        "split": split,
        "bound": bound,
        "passes": passes,
        "memory": lambda: memory(args.models),
        "long": lambda: long(args.shots),
    }
    for part in args.parts:
        print(f"\n### {part}\n", flush=True)
        work[part]()


if __name__ == "__main__":
    main()
