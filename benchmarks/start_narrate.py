"""``vn narrate`` of one short video, of this build and an older one: what is waited for beside the work.

    python benchmarks/start_narrate.py --old ../old --run runs/demo --video VIDEO --product PRODUCT --rounds 5

Prints processor seconds of both builds, their ratio, and what of this build's are importing torch alone. The files that
both write must be equal.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from two_builds import Build, builds, compare, run

FILES = ("story.json", "story.srt", "story.vtt")


def main() -> None:
    """Narrate, then edit and narrate again, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the older build")
    parser.add_argument("--run", type=Path, required=True, help="a run folder")
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--product", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    old, new = builds(args.old)
    with tempfile.TemporaryDirectory() as name:
        out = {build.name: Path(name) / build.name / "story" for build in (old, new)}
        given = [str(args.video.resolve()), "--product", str(args.product.resolve()), "--run", str(args.run.resolve())]

        def narrate(build: Build) -> list[str]:
            return build.words(["narrate", *given, "--out", str(out[build.name])])

        def edit(build: Build) -> list[str]:
            return build.words(["narrate", "--edit", str(out[build.name] / FILES[0])])

        def edited(build: Build) -> None:
            """The story as both builds narrate it, with the first narration emptied."""
            shutil.rmtree(out[build.name])
            shutil.copytree(Path(name) / "narrated", out[build.name])
            file = out[build.name] / FILES[0]
            text = file.read_text("utf-8")
            first = next(line for line in text.splitlines() if '"narration"' in line)
            file.write_text(text.replace(first, first.split(":")[0] + ': "",', 1), "utf-8")

        print(f"{'':44} {'old':>8} {'new':>8}")
        compare("vn narrate VIDEO", old, new, narrate, Path(name), args.rounds)
        same(out)
        shutil.copytree(out["new"], Path(name) / "narrated")
        compare("vn narrate --edit STORY", old, new, edit, Path(name), args.rounds, before=edited)
        same(out)
    torch = [run(new, [sys.executable, "-c", "import torch"], Path()).cpu for _ in range(args.rounds)]
    print(f"{'of it: import torch':44} {'':8} {statistics.median(torch):8.2f} CPU s")


def same(out: dict[str, Path]) -> None:
    """Stop unless both builds wrote the same bytes."""
    for name in FILES:
        one, other = (folder / name for folder in out.values())
        if one.read_bytes() != other.read_bytes():
            raise SystemExit(f"{one} and {other} differ")


if __name__ == "__main__":
    main()
