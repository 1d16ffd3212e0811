"""Thumbnails of a video's frames, stored in its shard as one JPEG for pages and tables."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

HEIGHT = 96  # pixels
MOST_WIDE = 4 * HEIGHT  # a panorama is squeezed to this
JPEG_WIDTH = 65_500  # pixels; the JPEG format has a limit just above
QUALITY = 80


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """A frame ``[height, width, 3]`` uint8, scaled to 96 pixels high with its aspect ratio."""
    width = min(MOST_WIDE, max(1, round(HEIGHT * picture.shape[1] / picture.shape[0])))
    return np.asarray(Image.fromarray(picture).resize((width, HEIGHT), Image.Resampling.BOX))


def strip(thumbs: Sequence[np.ndarray]) -> bytes:
    """Thumbnails side by side as a JPEG, in as many equal rows as its width limit requires (usually one).

    All get the width of the first: the resolution may change within a video.
    """
    width = thumbs[0].shape[1]
    columns = _columns(len(thumbs), math.ceil(len(thumbs) / (JPEG_WIDTH // width)))
    rows = math.ceil(len(thumbs) / columns)
    canvas = Image.new("RGB", (columns * width, rows * HEIGHT))
    for i, thumb in enumerate(thumbs):
        image = Image.fromarray(thumb)
        if image.width != width:
            image = image.resize((width, HEIGHT), Image.Resampling.BOX)
        canvas.paste(image, (i % columns * width, i // columns * HEIGHT))
    file = io.BytesIO()
    canvas.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def split_strip(jpeg: bytes, frames: int) -> list[np.ndarray]:
    """The thumbnails of a strip.

    Args:
        jpeg: from `strip`.
        frames: number of thumbnails in it.

    Returns:
        ``[96, w, 3]`` uint8 each.
    """
    canvas = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    columns = _columns(frames, canvas.shape[0] // HEIGHT)
    width = canvas.shape[1] // columns
    places = [divmod(i, columns) for i in range(frames)]
    return [canvas[r * HEIGHT : (r + 1) * HEIGHT, c * width : (c + 1) * width] for r, c in places]


def _columns(frames: int, rows: int) -> int:
    return math.ceil(frames / rows)
