"""What `vn annotate` costs beside the recogniser: shots, speech and writing of videos in one command.

    OMP_NUM_THREADS=1 python benchmarks/annotate.py VIDEOS --speech faster-whisper:FOLDER [--most 100] [--threads 1]

The command runs in a process of its own, in a new folder, on links to the first videos of a folder. Its time by the
clock, with the start of Python and the loading of the model, is divided by the time that the recogniser spent in the
same run. The same command again, for which everything is there, has a row of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vn.data.find_video import VIDEO_SUFFIXES


def annotate(videos: Path, out: Path, speech: list[str]) -> tuple[float, dict]:
    """Run the command; its seconds and what it reports."""
    command = [sys.executable, "-m", "vn.cli", "annotate", str(videos), "--out", str(out), "--language", "en", *speech]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began, json.loads((out / "stages" / "annotate.json").read_text())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--speech", required=True)
    parser.add_argument("--most", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    files = sorted(file for file in args.videos.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES)[: args.most]
    speech = ["--speech", args.speech, "--speech-threads", str(args.threads)]
    with tempfile.TemporaryDirectory() as folder:
        videos, out = Path(folder) / "videos", Path(folder) / "stories"
        videos.mkdir()
        for file in files:
            (videos / file.name).symlink_to(file.resolve())
        load = os.getloadavg()[0]
        took, report = annotate(videos, out, speech)
        again, _ = annotate(videos, out, speech)
        stories = len(list(out.glob("t*/*.json"))) + len(list(out.glob("val/*.json")))
    cost, own = report["cost"], report["cost"]["speech"]["speech_seconds"]
    print(
        f"{len(files)} videos, {cost['speech']['speech_sound']:.0f} s of speech, {stories} stories; load {load:.1f}\n"
    )
    print("| what | s | of the recogniser's time |\n|---|---:|---:|")
    rows = {
        "the recogniser's own time": own,
        "shots, speech and writing": took,
        "the same command again": again,
        "shots alone, in a thread beside": cost["shots"]["seconds"],
        "speech in all": cost["speech"]["seconds"],
    }
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.1f} | {seconds / own:.2f} |")


if __name__ == "__main__":
    main()
