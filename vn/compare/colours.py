"""A colour for each variant, no two alike: for any number of variants, on light and dark pages, for any colour vision.

The first seven are Okabe and Ito's, a little darker or lighter. Each further one is the colour that is furthest from
all before it, by the smallest of its distances (Oklab; Ottosson 2020) as people with normal vision, with deuteranopia
and with protanopia see it (Vienot, Brettel and Mollon 1999), among colours that contrast with the page. Charts give
each variant a mark and a dash of its own too.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
FIRST = {
    "light": ("#3d4654", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"),
    "dark": ("#c6ced9", "#4da3e0", "#f0b429", "#2cc295", "#e19cc4", "#f27c38", "#8fd0ff"),
}
LIGHTNESS = {"light": (0.36, 0.82), "dark": (0.5, 0.93)}  # Oklab: contrasts with the page, and is not just black
VIEWS = np.array([[0.5], [1.0], [1.0]])  # weights of the views: people who see all hues should not get shades of one
STEPS = 18  # levels of red, green and blue each: the grid of candidates for further colours
# What dichromats see of linear RGB.
_DEUTERANOPIA = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
_PROTANOPIA = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


@functools.cache
def palette(count: int, theme: str) -> tuple[str, ...]:
    """Colours as ``#rrggbb``.

    Args:
        count: how many; a longer palette begins with the shorter one.
        theme: ``light`` or ``dark``.
    """
    chosen = list(FIRST[theme][:count])
    if count <= len(chosen):
        return tuple(chosen)
    grid = np.linspace(0, 255, STEPS).round().astype(int)
    candidates = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 3)
    seen = _as_seen(candidates / 255)
    low, high = LIGHTNESS[theme]
    inside = (seen[0, :, 0] >= low) & (seen[0, :, 0] <= high)
    candidates, seen = candidates[inside], seen[:, inside]
    distance = np.full(len(candidates), np.inf)
    for each in chosen:
        distance = np.minimum(distance, _apart(seen, _as_seen(_rgb(each)[None])))
    while len(chosen) < count:
        best = int(distance.argmax())
        chosen.append("#{:02x}{:02x}{:02x}".format(*candidates[best].tolist()))
        distance = np.minimum(distance, _apart(seen, seen[:, best : best + 1]))
    return tuple(chosen)


def closest(colours: tuple[str, ...]) -> float:
    """The smallest distance of two colours (Oklab) that anyone sees, as `palette` takes it."""
    seen = _as_seen(np.array([_rgb(c) for c in colours]))
    apart = np.stack([_apart(seen, seen[:, i : i + 1]) for i in range(len(colours))])
    return float(apart[~np.eye(len(colours), dtype=bool)].min())


def colour_rules(count: int) -> str:
    """CSS: the colours of `count` variants as ``--v0`` and so on, by theme, and their swatches."""
    lines = [
        f"{selector} {{ {' '.join(f'--v{i}: {colour};' for i, colour in enumerate(palette(count, theme)))} }}"
        for theme, selector in (("light", ":root"), ("dark", ':root[data-theme="dark"]'))
    ]
    swatches = " ".join(f".swatch.v{i} {{ background: var(--v{i}); }}" for i in range(count))
    return "\n".join([*lines, swatches, ""])


def _rgb(colour: str) -> Rows:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def _linear(rgb: Rows) -> Rows:
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _as_seen(rgb: Rows) -> Rows:
    """`[3, N, 3]`: Oklab of colours `[N, 3]` as seen with normal vision, deuteranopia and protanopia."""
    light = _linear(rgb)
    views = np.stack([light, *(np.clip(light @ np.array(m).T, 0, 1) for m in (_DEUTERANOPIA, _PROTANOPIA))])
    seen: Rows = np.cbrt(views @ np.array(_TO_LMS).T) @ np.array(_TO_OKLAB).T
    return seen


def _apart(seen: Rows, other: Rows) -> Rows:
    least: Rows = (np.sqrt(((seen - other) ** 2).sum(-1)) * VIEWS).min(0)
    return least
