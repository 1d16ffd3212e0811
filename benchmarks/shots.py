"""How many shots the detectors of `vn prepare --shots` find, and how many false ones, on made-up films.

    OMP_NUM_THREADS=1 python benchmarks/shots.py [combined adaptive content transnetv2] [--seeds 3]

Films of 160 x 90 pixels at 25 frames per second (H.264, CRF 23): six scenes of 4 s (6 s around dissolves of 2 s),
joined in one way, under still or moving cameras; and single scenes of 8 s in which something else changes. A change
counts as found if a shot begins within it or at most a quarter of a second away; further shots are false. Shots may be
0.2 s long.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from vn.data.shot_settings import DETECTORS, ShotSettings
from vn.data.shots import find_shots

WIDTH, HEIGHT, FPS = 160, 90, 25
SLACK = 0.25  # seconds
Frames = list[np.ndarray]
Spans = list[tuple[float, float]]
JOINS = {
    "cut": 0.0,
    **{f"dissolve {d} s": d for d in (0.2, 0.5, 1.0, 2.0)},
    **{f"fade through black {d} s": d for d in (0.4, 1.0, 2.0)},
    "fade through white 1.0 s": 1.0,
    **{f"black {d} s between cuts": d for d in (0.2, 1.0)},
    "wipe 0.5 s": 0.5,
}
CAMERAS = {"still": ["still"], "pan": ["pan"], "mixed": ["still", "pan", "zoom", "shake", "object", "pan"]}
RESTLESS = ("crowd", "fire")
CAMERA_MOTION = ("still", "pan", "fast pan", "whip pan", "zoom", "fast zoom", "shake", "rotation", "scrolling")
IN_PICTURE = ("object", "large object", "crowd", "fire", "waves", "caption", "light on", "light off", "flash", "strobe")


def texture(random: np.random.Generator) -> np.ndarray:
    """A wide picture of smooth noise at several scales, with boxes and discs."""
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


def scene(random: np.random.Generator, count: int, kind: str) -> Frames:
    """Pictures of one scene in which something of a kind happens."""
    wide = texture(random)
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


def films(seeds: int) -> Iterator[tuple[str, Frames, Spans]]:
    """The row that a film counts in, its frames, and when its shots change."""
    joined = [(how, f"{how}", kinds) for how in JOINS for kinds in CAMERAS.values()]
    joined += [
        (how, f"{how}, {kind}", [kind]) for kind in RESTLESS for how in ("cut", "dissolve 0.5 s", "dissolve 1.0 s")
    ]
    for how, row, kinds in joined:
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            count = (6 if JOINS[how] >= 2 else 4) * FPS
            frames, *others = [scene(random, count, kinds[n % len(kinds)]) for n in range(6)]
            spans = []
            for other in others:
                frames, (start, end) = join(frames, other, how, JOINS[how])
                spans.append((start / FPS, end / FPS))
            yield row, frames, spans
    for row, kinds in (("one scene, camera moves", CAMERA_MOTION), *((f"one scene, {k}", (k,)) for k in IN_PICTURE)):
        for kind in kinds:
            for seed in range(seeds):
                yield row, scene(np.random.default_rng(seed), 8 * FPS, kind), []


def write(path: Path, frames: Frames) -> None:
    """A film as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "23"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())


def count(starts: list[float], spans: Spans) -> tuple[int, int]:
    """Changes that were found, and shots that begin where there is none."""
    used: set[float] = set()
    for start, end in spans:
        near = [s for s in starts if start - SLACK <= s <= end + SLACK and s not in used]
        used |= set(sorted(near, key=lambda s: abs(s - (start + end) / 2))[:1])
    return len(used), len(starts) - len(used)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="*", default=[name for name in DETECTORS if name != "transnetv2"])
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    rows: dict[str, list[list[int]]] = {}
    totals, took, frames_seen = {}, dict.fromkeys(args.detectors, 0.0), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        for row, frames, spans in films(args.seeds):
            write(path, frames)
            frames_seen += len(frames)
            totals[row] = totals.get(row, 0) + len(spans)
            sums = rows.setdefault(row, [[0, 0] for _ in args.detectors])
            for detector, cell in zip(args.detectors, sums, strict=True):
                began = time.process_time()
                shots = find_shots(path, minimum=0.2, settings=ShotSettings(detector))
                took[detector] += time.process_time() - began
                hits, false = count([start for start, _ in shots][1:], spans)
                cell[0] += hits
                cell[1] += false
    print(f"| films | changes | {' | '.join(args.detectors)} |")
    print("|---|---|" + "---|" * len(args.detectors))
    for row, sums in rows.items():
        cells = " | ".join(f"{hits} + {false}" if totals[row] else str(false) for hits, false in sums)
        print(f"| {row} | {totals[row]} | {cells} |")
    print(
        " ".join(f"{name}: {frames_seen / seconds:.0f} frames per processor second;" for name, seconds in took.items())
    )


if __name__ == "__main__":
    main()
