"""What `vn render` costs, relative to the length of the video, and how much memory.

    OMP_NUM_THREADS=1 python benchmarks/render.py [--minutes 1 10] [--voice espeak-ng]

Videos of 640 x 360 pixels at 25 frames per second with stereo sound, in H.264 and AAC; a clip is 5 s long. First all is
spoken and rendered; then story.mp4 is removed and rendered again, with the WAV files at hand: that is the figure of the
first table. Each rendering is a process of its own, so that its peak memory is known. Wall clock and processor seconds
are both printed: the latter do not depend on what else the machine does. Speaking, burning and encoding are apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, FPS, RATE = 640, 360, 25, 48_000
CLIP = 5  # seconds
PART = 10  # seconds that are encoded; longer videos repeat them


def write_video(path: Path, minutes: int, codec: str = "libx264", audio: str = "aac") -> Path:
    """A video of moving noise with a hum."""
    random = np.random.default_rng(0)
    wide = np.kron(random.integers(0, 255, (HEIGHT // 20 + 4, WIDTH // 20 + 30)), np.ones((20, 20))).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options={"preset": "veryfast", "bf": "0", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = container.add_stream(audio, rate=RATE, layout="stereo")
        grey = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
        packets = []
        for n in range(PART * FPS):
            frame = av.VideoFrame.from_ndarray(np.concatenate([wide[:HEIGHT, n : n + WIDTH], grey]), format="yuv420p")
            packets += stream.encode(frame)
        packets += stream.encode()
        hum = (0.2 * random.standard_normal((2, PART * RATE))).astype(np.float32)
        size = 1024 if audio == "aac" else 960  # PyAV converts the format of the samples
        for again in range(minutes * 60 // PART):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.time_base, copy.stream, copy.is_keyframe = packet.time_base, stream, packet.is_keyframe
                shift = round(again * PART / packet.time_base)
                copy.pts, copy.dts, copy.duration = packet.pts + shift, packet.dts + shift, packet.duration
                container.mux(copy)
            for first in range(0, PART * RATE, size):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(hum[:, first : first + size]), format="fltp", layout="stereo"
                )
                frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                frame.pts = again * PART * RATE + first
                container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def write_story(folder: Path, video: Path, minutes: int) -> Path:
    """A story with a narration for every clip."""
    folder.mkdir()
    texts = ("It is free of lead, and that is certain.", "Enjoy better sleep from the very first day.")
    clips = [
        {"start": n * CLIP, "end": (n + 1) * CLIP, "narration": f"{texts[n % 2]} {n}"}
        for n in range(minutes * 60 // CLIP)
    ]
    story = {"id": "bench", "title": "Bench", "language": "en", "clips": clips, "video": str(video), "knowledge": []}
    (folder / "story.json").write_text(json.dumps(story))
    return folder


def render(story: Path, *options: str) -> dict[str, float]:
    """Render in a process of its own: wall seconds, processor seconds, and peak memory in MB."""
    command = [sys.executable, __file__, "--render", str(story), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-500:] + done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def one(story: str, options: list[str]) -> None:
    """The process of `render`."""
    from vn import cli

    began, used = time.monotonic(), time.process_time()
    code = cli.main(["render", story, *options])
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"wall": time.monotonic() - began, "cpu": time.process_time() - used, "mb": own.ru_maxrss / 1024}))
    sys.exit(code)


def row(name: str, minutes: int, found: dict[str, float]) -> None:
    """Print one row of the table."""
    share = [100 * found[kind] / (60 * minutes) for kind in ("wall", "cpu")]
    print(
        f"| {name} | {minutes} | {found['wall']:.1f} | {share[0]:.1f} % | {found['cpu']:.1f} | {share[1]:.1f} % "
        f"| {found['mb']:.0f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--voice", default="espeak-ng")
    parser.add_argument("--render", help=argparse.SUPPRESS)
    args, options = parser.parse_known_args()
    if args.render:
        one(args.render, ["--voice", args.voice, *options])
    print("| what | minutes | s | of the video | processor s | of the video | peak MB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kept = ["--voice", args.voice, "--voice-cache", str(folder / "voices")]
        for minutes in args.minutes:
            video = write_video(folder / f"{minutes}.mp4", minutes)
            story = write_story(folder / f"story{minutes}", video, minutes)
            row("spoken and rendered", minutes, render(story, *kept))
            (story / "story.mp4").unlink()
            row("WAV files at hand, video copied", minutes, render(story, *kept))
            row("nothing changed", minutes, render(story, *kept))
        minutes = args.minutes[0]
        row("WAV files at hand, burnt subtitles", minutes, render(folder / f"story{minutes}", *kept, "--burn"))
        webm = write_video(folder / f"{minutes}.webm", minutes, "libvpx", "libopus")
        story = write_story(folder / f"webm{minutes}", webm, minutes)
        render(story, *kept)
        (story / "story.mp4").unlink()
        row("WAV files at hand, VP8 encoded as H.264", minutes, render(story, *kept))


if __name__ == "__main__":
    main()
