"""The loader's rate on a data folder behind a web server, with a cold and a warm cache, beside the same folder on disk.

    OMP_NUM_THREADS=1 python benchmarks/remote.py [--delay MILLISECONDS]

The server is a process of its own on loopback that serves ranges, each after a delay, as a store far away would. What
is measured is the loader as `vn fit` has it, in one worker: it reads, checks and plans, and builds the ids of its rows.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import stories as s

from vn.data.manifest import Manifest
from vn.data.order import Schedule
from vn.data.shard_writer import ShardWriter
from vn.data.token_estimates import estimated_videos
from vn.io.remote import Folder, open_folder
from vn.train.loader import Loader, Source
from vn.train.micro_batches import Dealer, MicroBatchReader

VIDEOS, A_SHARD, CLIPS_PER_STEP, ROUNDS = 160, 16, 32, 5


def serve(folder: Path, delay: float) -> None:
    """Serve a folder by ranges until the process is ended; prints the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def do_GET(self) -> None:
            time.sleep(delay)
            file = folder / urlsplit(self.path).path.lstrip("/")
            size = file.stat().st_size
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            start, end = (int(match[1]), min(int(match[2]) + 1, size)) if match else (0, size)
            self.send_response(206 if match else 200)
            if match:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.send_header("Content-Length", str(end - start))
            self.end_headers()
            self.wfile.flush()
            with file.open("rb") as opened:
                while start < end:
                    start += os.sendfile(self.connection.fileno(), opened.fileno(), start, end - start)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def write(folder: Path) -> None:
    """Shards of stories with random features."""
    found, _ = s.stories()
    random = np.random.default_rng(0)
    shards = []
    for first in range(0, VIDEOS, A_SHARD):
        name = f"train-{first // A_SHARD:05d}.tar"
        with (folder / name).open("wb") as file:
            writer = ShardWriter(file, name, len(shards))
            for n in range(first, first + A_SHARD):
                story = replace(found[n % len(found)], id=f"video-{n:04d}")
                count = max(1, round(story.duration))
                features = random.normal(size=(count, s.TOKENS, s.WIDTH)).astype(np.float16)
                writer.add(story, features, np.arange(count, dtype=np.float32), None)
            shards.append(writer.close())
    Manifest(
        encoder={"id": "random", "settings": {}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=True,
        tokens=s.TOKENS,
        width=s.WIDTH,
        statistics={"mean": np.zeros(s.WIDTH), "std": np.ones(s.WIDTH)},
        language=found[0].language,
        domain=found[0].domain,
        splits={"train": shards},
    ).save(folder)


def epoch(folder: Folder, builder: Any) -> tuple[float, int, int]:
    """Seconds of an epoch in the loader's order, its micro-batches and a checksum of what they hold."""
    manifest = Manifest.load(folder)
    entries = manifest.samples("train")
    videos = estimated_videos(entries, manifest.tokens, manifest.language)
    plan = Schedule(videos, 0, CLIPS_PER_STEP).epoch(0)
    reader = MicroBatchReader(folder, entries, builder, "tree")
    source = Source(range(len(plan)), Dealer(videos, plan, 1, 0, 1), reader.announce)
    batches = iter(Loader(source, reader.read, len(plan), workers=1))
    total = int(next(batches).ids.sum())
    began = time.perf_counter()  # the worker has started
    for batch in batches:
        total += int(batch.ids.sum())
    return time.perf_counter() - began, len(plan) - 1, total


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--delay", type=float, default=0.0, metavar="MS", help="milliseconds before each answer")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.serve:
        serve(args.serve, args.delay / 1000)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "data"
        folder.mkdir()
        write(folder)
        command = [sys.executable, __file__, "--serve", str(folder), "--delay", str(args.delay)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            try:
                measure(folder, url, Path(place), args.rounds)
            finally:
                server.terminate()


def measure(folder: Path, url: str, place: Path, rounds: int) -> None:
    """Time the contestants in turn."""
    builder = s.builder(49152)
    seconds: dict[str, list[float]] = {"disk": [], "cold": [], "warm": []}
    epoch(folder, builder)
    for n in range(rounds):
        cache = place / f"cache-{n}"
        took = {
            "disk": epoch(folder, builder),
            "cold": epoch(open_folder(url, cache_folder=cache), builder),
            "warm": epoch(open_folder(url, cache_folder=cache), builder),
        }
        assert len({each[1:] for each in took.values()}) == 1, "not the same batches"
        for what, (each, _, _) in took.items():
            seconds[what].append(each)
    count = took["disk"][1]
    size = sum(file.stat().st_size for file in folder.glob("*.tar"))
    print(f"{VIDEOS} videos, {size / 1e6:.0f} MB, {count} steps of {CLIPS_PER_STEP} clips; {rounds} rounds in turn\n")
    print("| | steps/s | of the disk's rate, median (least - most) |\n|---|---:|---:|")
    for what, each in seconds.items():
        shares = sorted(disk / own for disk, own in zip(seconds["disk"], each, strict=True))
        print(f"| {what} | {count / median(each):.2f} | {median(shares):.2f} ({shares[0]:.2f} - {shares[-1]:.2f}) |")


if __name__ == "__main__":
    main()
