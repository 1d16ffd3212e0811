"""Films of made-up scenes with cuts, dissolves, fades and camera motion; more: `benchmarks/shot_detectors.py`."""

from collections.abc import Sequence

import cv2
import numpy as np

SIZE = (160, 90)
FPS = 25
BLACK, WHITE = 0, 255


def scene(seed: int, seconds: float, move: str = "still") -> list[np.ndarray]:
    """Pictures ``[90, 160, 3]`` of blobs and boxes, seen by a camera that stands still, pans, zooms or shakes."""
    random = np.random.default_rng(seed)
    wide = np.zeros((300, 500, 3)) + random.integers(60, 195, 3)
    for cells, strength in ((6, 60), (15, 45), (40, 25)):
        noise = random.normal(size=(cells * 3 // 5 + 1, cells, 3))
        wide += strength * cv2.resize(noise, (500, 300), interpolation=cv2.INTER_CUBIC)
    wide = np.clip(wide, 0, 255).astype(np.uint8)
    for _ in range(6):
        x, y, size = int(random.integers(450)), int(random.integers(250)), int(random.integers(30, 90))
        wide[y : y + size, x : x + size] = random.integers(0, 255, 3)
    count = round(seconds * FPS)
    shake = np.cumsum(random.normal(size=(count, 2)) / 2, axis=0)
    pictures = []
    for n in range(count):
        time, x, y, zoom = n / FPS, 120.0, 100.0, 1.0
        if move == "pan":
            x += 20 * time
        elif move == "fast pan":
            x += 100 * np.sin(1.2 * time)
        elif move == "zoom":
            zoom += 0.4 * time
        elif move == "shake":
            x, y = x + shake[n, 0], y + shake[n, 1]
        view = np.array([[1 / zoom, 0, x + 80 - 80 / zoom], [0, 1 / zoom, y + 45 - 45 / zoom]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        pictures.append(cv2.warpAffine(wide, view, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT))
    return pictures


def mix(one: np.ndarray, other: np.ndarray | float, share: float) -> np.ndarray:
    """A picture of which `share` is the other one (or a grey)."""
    return (one * (1 - share) + other * share).astype(np.uint8)


def dissolve(before: Sequence[np.ndarray], after: Sequence[np.ndarray], seconds: float) -> list[np.ndarray]:
    """Two scenes, the end of the one mixed with the beginning of the other."""
    count = round(seconds * FPS)
    both = zip(before[-count:], after[:count], strict=True)
    between = [mix(a, b, (n + 1) / (count + 1)) for n, (a, b) in enumerate(both)]
    return [*before[:-count], *between, *after[count:]]


def fade(before: Sequence[np.ndarray], after: Sequence[np.ndarray], seconds: float, grey: int) -> list[np.ndarray]:
    """Two scenes, the one fading to a grey and the other from it, both in half the time."""
    half = max(1, round(seconds * FPS / 2))
    out = [mix(a, grey, (n + 1) / half) for n, a in enumerate(before[-half:])]
    return [
        *before[:-half],
        *out,
        *(mix(b, grey, 1 - (n + 1) / half) for n, b in enumerate(after[:half])),
        *after[half:],
    ]
