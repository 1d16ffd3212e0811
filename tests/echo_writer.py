"""A made-up baseline: its "model" is a file of calls, so that a test sees what was asked, and when.

Its text depends on title, clip, label and style alone. A gate, a file, holds it before the call that the file names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.baselines.context import Context
from vn.baselines.counts import Counts
from vn.baselines.names import BASELINES
from vn.baselines.writer import BaselineVideo, Storyline
from vn.errors import InputError
from vn.prompt import Written
from vn.story import Fixed, ScriptLabel, format_labels
from vn.written import WrittenClip

LONGEST = 600.0  # seconds that a gate is waited at


def register(patch: Any = None) -> None:
    """Make ``echo`` and ``parrot`` baselines, both of this module."""
    for name in ("echo", "parrot"):
        entry = ("echo_writer", "a made-up system")
        if patch is None:
            BASELINES[name] = entry
        else:
            patch.setitem(BASELINES, name, entry)


def for_processes(folder: Path) -> str:
    """A ``PYTHONPATH`` with which every ``vn`` has these baselines."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import echo_writer\necho_writer.register()\n")
    return os.pathsep.join([str(folder), str(Path(__file__).parent), *filter(None, sys.path)])


def add_arguments(parser: Any) -> None:
    parser.epilog = "example:\n  vn baseline echo --data data/mine --style loud\n"
    parser.add_argument("--style", default="plain", help="first word of every narration (plain)")
    parser.add_argument("--workers", type=int, default=1, help="videos at once (1)")
    parser.add_argument("--calls", type=Path, help="file that gets a line per call")
    parser.add_argument("--gate", type=Path, help="file with the call, video:clip, before which to wait")
    parser.add_argument("--refuse", action="append", default=[], metavar="ID", help="videos that cannot be written")
    parser.add_argument("--only-predicted", action="store_true", help="cannot follow labels")
    parser.add_argument("--warns", action="store_true", help="has a warning about each story")
    parser.set_defaults(endpoints={})  # leave is asked for here, as for a baseline with endpoints
    parser.add_argument("--yes", action="store_true", help="leave to send")
    parser.add_argument("--asks-leave", action="store_true", help="write only if leave is given")
    parser.add_argument("--sees", choices=("nothing", "features", "rgb"), default="nothing", help="what it looks at")


def open_writer(args: Any, context: Context) -> Echo:
    if args.style == "broken":
        raise InputError("is broken", field="--style")
    if args.asks_leave and not args.yes:
        raise InputError("texts would be sent; add --yes to send them")
    return Echo(args, context)


class Echo:
    def __init__(self, args: Any, context: Context) -> None:
        self.args = args
        self.context = context
        self.name = f"echo, {args.style}"
        self.settings: Mapping[str, Any] = {"style": args.style}
        self.storylines: tuple[Storyline, ...] = ("predicted",) if args.only_predicted else ("predicted", "given")
        self.workers = args.workers
        self.asked = 0
        self.counts = Counts("clips")

    def write(self, video: BaselineVideo, storyline: Storyline) -> list[WrittenClip]:
        story = video.story
        if story.id in self.args.refuse:
            raise InputError("is refused", sample=story.id)
        assert all(clip.narration is None and clip.facts is None for clip in story.clips), "references are hidden"
        assert storyline == "given" or not any(c.labels for i, c in enumerate(story.clips) if i not in video.fixed)
        if self.args.warns:
            self.context.findings.add("is odd", sample=story.id)
        seen = getattr(video.content, self.args.sees)() if self.args.sees != "nothing" else ()
        written = []
        for i in video.clips:
            fixed = video.fixed.get(i, Fixed())
            given = fixed.labels if storyline == "given" else None
            labels = None if given else (ScriptLabel.EFFECT,)
            about = format_labels(given or labels or (), story.language)
            text = fixed.narration or self._ask(f"{story.id}:{i}:{storyline}", f"{story.title} {about} {len(seen)}")
            words = video.words[i]
            text = " ".join([*text.split(), *["so"] * words.low][: words.low])
            self.counts.add("clips")
            written.append(WrittenClip(i, Written(words, labels, text), given))
        return written

    def _ask(self, place: str, prompt: str) -> str:
        maker, key = f"echo:{self.args.style}", f"{place} {prompt}"
        cached = self.context.cache.get(maker, [key]).get(key)
        if cached is None:
            self._wait(place)
            self.asked += 1
            if self.args.calls:
                with open(self.args.calls, "a") as file:
                    file.write(f"{place}\n")
            cached = f"{self.args.style} {prompt} {place.split(':')[1]}".encode()
            self.context.cache.put(maker, {key: cached})
        return cached.decode()

    def _wait(self, place: str) -> None:
        """At a closed gate, say that it is reached, and wait until it is open."""
        gate, end = self.args.gate, time.monotonic() + LONGEST
        if gate is None or not gate.exists() or gate.read_text() != place:
            return
        Path(f"{gate}.reached").touch()
        while gate.exists():
            assert time.monotonic() < end, "nobody came"
            time.sleep(0.005)

    def report(self) -> Mapping[str, float]:
        return {"requests": self.asked, **self.counts.report()}
