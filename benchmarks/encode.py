"""Frames a second of `vn prepare`'s work, decode + preprocess + encode, beside the encoder's forward alone.

    OMP_NUM_THREADS=1 python benchmarks/encode.py [efficientnet-lite0 | blip2-clip-l14] [--videos N] [--seconds S]

Videos are rendered (H.264, 640 x 360, 25 frames a second, moving patterns). The forward alone runs on tensors prepared
before, batch by batch as prepare makes them, in as many threads as prepare has. The two take turns in one process, and
the ratio is that of their median rates. Target: 0.85. `blip2-clip-l14` has random weights of the full size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
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


def load(name: str, folder: Path):
    """The encoder; one with weights gets random ones of the full size, as files."""
    from vn.data.encoders import load_encoder

    if name == "efficientnet-lite0":
        return load_encoder(name)
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from blip2_weights import FULL, write_files

    return load_encoder(name, weights=write_files(folder, FULL))


def whole(encoder, paths: list[Path], threads: int) -> float:
    """Frames a second of decoding, preprocessing and encoding."""
    from vn.data.frames import join
    from vn.data.read_ahead import ReadAhead
    from vn.errors import Findings

    def job(path: Path):
        yield join(path.stem, encoder, encoder.batches(path.stem, path, Findings()))

    began, frames = time.perf_counter(), 0
    with ReadAhead([lambda path=path: job(path) for path in paths], threads=threads) as ahead:
        for video in ahead:
            frames += sum(len(each.seconds) for each in video)
    return frames / (time.perf_counter() - began)


def forward(encoder, batches: list[np.ndarray], threads: int) -> float:
    """Frames a second of `encode` on pictures that are shrunk already."""
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        frames = sum(len(features) for features in pool.map(encoder.encode, batches))
    return frames / (time.perf_counter() - began)


def main() -> None:
    """Measure one encoder and print a line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", nargs="?", default="efficientnet-lite0")
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--seconds", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder = load(args.encoder, folder)
        paths = [folder / f"v{n}.mp4" for n in range(args.videos)]
        for n, path in enumerate(paths):
            render(path, args.seconds, n)
        from vn.errors import Findings

        batches = [b.inputs for path in paths for b in encoder.batches(path.stem, path, Findings())]
        encoder.encode(batches[0])  # warm
        rates = [(whole(encoder, paths, threads), forward(encoder, batches, threads)) for _ in range(args.rounds)]
    ours, alone = (statistics.median(x) for x in zip(*rates, strict=True))
    ratios = [a / b for a, b in rates]
    print("| encoder | whole, frames/s | forward alone | ratio (least-most) | target |\n|---|---:|---:|---:|---:|")
    print(
        f"| {args.encoder} | {ours:.2f} | {alone:.2f} | {ours / alone:.2f} ({min(ratios):.2f}-{max(ratios):.2f}) "
        f"| {TARGET} |"
    )


if __name__ == "__main__":
    main()
