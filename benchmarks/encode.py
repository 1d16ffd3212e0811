"""Frames per second of `vn prepare` (decode, preprocess, encode), compared with the encoder's forward pass alone.

    OMP_NUM_THREADS=1 python benchmarks/encode.py [efficientnet-lite0 | blip2-clip-l14] [--of demo | VIDEO ...]

Without `--of`, videos are rendered (H.264, 640 x 360, 25 frames per second, moving patterns); with ``--of demo`` they
are those of `vn demo` (256 x 192, 10 frames per second). The forward pass alone runs on tensors prepared in advance,
batch by batch as in prepare, in as many threads. The two take turns in one process, and the ratio is that of their
median rates, by wall time and by CPU time (which other work on the machine hardly affects). A second table has the CPU
time of each part. Target: 0.85. `blip2-clip-l14` has random weights of the full size.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

TARGET = 0.85
FPS = 25


def render(path: Path, seconds: int, seed: int) -> None:
    """A video of moving blocks of colour."""
    import av

    random = np.random.default_rng(seed)
    tile = random.integers(0, 255, (12, 20, 3)).astype(np.uint8).repeat(30, axis=0).repeat(32, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for n in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(np.roll(tile, 3 * n, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def videos(folder: Path, args: argparse.Namespace) -> list[Path]:
    """Those that were asked for, made in `folder` where they are not files."""
    if args.of and args.of != ["demo"]:
        return [Path(name) for name in args.of]
    paths = [folder / f"v{n}.mp4" for n in range(args.videos)]
    if args.of:
        from vn.demo.render import render as render_film
        from vn.demo.world import make_films

        for film, path in zip(make_films(0, args.videos, "train"), paths, strict=True):
            render_film(film, path)
    else:
        for n, path in enumerate(paths):
            render(path, args.seconds, n)
    return paths


def load(name: str, folder: Path):
    """The encoder; one with weights gets random ones of the full size, as files."""
    from vn.data.encoders import EncoderSettings, load_encoder

    if name.startswith("efficientnet-lite0"):
        return load_encoder(name)
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from blip2_weights import FULL, write_files

    return load_encoder(name, EncoderSettings(weights=write_files(folder, FULL)))


class Watch:
    """Clock and processor time from now on."""

    def __init__(self) -> None:
        self.began = np.array([time.perf_counter(), time.process_time()])

    def rates(self, frames: int) -> np.ndarray:
        """``[2]`` frames a second: by the clock, by processor time."""
        return frames / (np.array([time.perf_counter(), time.process_time()]) - self.began)


def whole(encoder, paths: list[Path], threads: int) -> np.ndarray:
    """Rates of decoding, preprocessing and encoding."""
    from vn.data.frames import join
    from vn.data.read_ahead import ReadAhead
    from vn.errors import Findings

    def job(path: Path):
        yield join(path.stem, encoder, encoder.batches(path.stem, path, Findings()))

    watch, frames = Watch(), 0
    jobs = [lambda path=path: job(path) for path in paths]
    with ReadAhead(jobs, threads=threads, window=4 * threads) as ahead:  # as `vn prepare` does
        for video in ahead:
            frames += sum(len(each.seconds) for each in video)
    return watch.rates(frames)


def forward(encoder, batches: list[np.ndarray], threads: int) -> np.ndarray:
    """Rates of `encode` on pictures that are shrunk already."""
    watch = Watch()
    with ThreadPoolExecutor(threads) as pool:
        frames = sum(len(features) for features in pool.map(encoder.encode, batches))
    return watch.rates(frames)


def parts(encoder, paths: list[Path], threads: int) -> list[tuple[str, float]]:
    """Milliseconds of processor time a sampled frame of each part of the work, with all threads at it."""
    from vn.data.read_ahead import ReadAhead
    from vn.data.thumbs import thumbnail
    from vn.data.video import VideoReader, _on_screen

    def timed(work: Iterable) -> tuple[float, list]:
        began = time.thread_time()  # side by side, each video has one codec thread: this one
        done = list(work)
        return 1000 * (time.thread_time() - began) / max(1, len(done)), done

    def job(path: Path):
        reader = VideoReader(path)
        decoding, shown = timed(_on_screen(reader, encoder.fps, leave_out=True))
        colours, pictures = timed(reader.picture(frame) for _, frame in shown)
        shrinking, _ = timed(map(encoder.shrink, pictures))
        thumbs, _ = timed(map(thumbnail, pictures))
        yield decoding, colours, shrinking, thumbs

    with ReadAhead([lambda path=path: job(path) for path in paths], threads=threads) as ahead:
        costs = np.median([next(video) for video in ahead], axis=0)
    return list(zip(("decode", "to RGB, upright", "shrink", "thumbnail"), costs.tolist(), strict=True))


def main() -> None:
    """Measure one encoder and print a line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", nargs="?", default="efficientnet-lite0")
    parser.add_argument("--of", nargs="+", default=[], metavar="VIDEO", help="videos, or demo: those of vn demo")
    parser.add_argument("--videos", type=int, default=8, help="videos to render (default: 8)")
    parser.add_argument("--seconds", type=int, default=24, help="of each of them (default: 24)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = load(args.encoder, folder)
        paths = videos(folder, args)
        from vn.errors import Findings

        batches = [b.inputs for path in paths for b in encoder.batches(path.stem, path, Findings())]
        encoder.encode(batches[0])  # warm
        rates = np.array(
            [(whole(encoder, paths, threads), forward(encoder, batches, threads)) for _ in range(args.rounds)]
        )
        shares = parts(encoder, paths, threads)
    print(f"load {os.getloadavg()[0]:.1f} on {threads} processors\n")
    print("| encoder | time | whole, frames/s | forward alone | ratio (least-most) | target |")
    print("|---|---|---:|---:|---:|---:|")
    for number, kind in enumerate(("clock", "processor")):
        ours, alone = np.median(rates[:, :, number], axis=0)
        ratios = rates[:, 0, number] / rates[:, 1, number]
        ratio = f"{ours / alone:.2f} ({ratios.min():.2f}-{ratios.max():.2f})"
        print(f"| {args.encoder} | {kind} | {ours:.2f} | {alone:.2f} | {ratio} | {TARGET} |")
    shares.append(("encode", float(1000 / np.median(rates[:, 1, 1]))))
    print("\n| part | ms a frame |\n|---|---:|", *(f"| {name} | {ms:.2f} |" for name, ms in shares), sep="\n")


if __name__ == "__main__":
    main()
