"""Renders a film to an H.264 file: stills, slow camera movement, soft changes within clips and hard cuts between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from vn.data.demo_mark import MARK
from vn.demo.film import Film, Scene
from vn.demo.product import Product
from vn.demo.scenes import HEIGHT, WIDTH, paint
from vn.io.atomic import atomic_write

SIZE = (256, 192)  # pixels
RATE = 10  # frames per second; clips have whole seconds, so every cut is at a frame
FADE = 10  # frames that a change within a clip takes: too slow to be taken for a cut

# One thread and no timestamps: the same film gives the same bytes.
CODEC = {"preset": "superfast", "crf": "24", "threads": "1"}


def frames(film: Film) -> Iterator[np.ndarray]:
    """The frames of a film in order, `RATE` per second.

    Yields:
        uint8 ``[height * 3 / 2, width]``: the planes of yuv420p.
    """
    for scene in film.scenes:
        yield from _clip(scene, film.product)


def _clip(scene: Scene, product: Product) -> Iterator[np.ndarray]:
    def still(late: bool | None) -> np.ndarray:
        return np.asarray(paint(scene.picture, product, scene.backdrop, scene.seed, late))

    count = scene.seconds * RATE
    change = count if scene.change is None else round(scene.change * RATE)
    before = still(None if scene.change is None else False)
    after = before if scene.change is None else still(True)
    for i in range(count):
        share = min(1.0, max(0.0, (i - change) / FADE))
        picture = before if share == 0 else after if share == 1 else cv2.addWeighted(after, share, before, 1 - share, 0)
        yield _shot(picture, scene, i / (count - 1))


def _shot(still: np.ndarray, scene: Scene, time: float) -> np.ndarray:
    """The camera's view of a still; `time` goes from 0 to 1 over the clip."""
    left, top, side = (a + (b - a) * time for a, b in zip(scene.camera.start, scene.camera.end, strict=True))
    scale = side * WIDTH / SIZE[0]
    view = np.array([[scale, 0, left * WIDTH + (scale - 1) / 2], [0, scale, top * HEIGHT + (scale - 1) / 2]])
    seen = cv2.warpAffine(
        still, view, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return cv2.cvtColor(seen, cv2.COLOR_RGB2YUV_I420)


def render(film: Film, path: str | Path) -> None:
    """Write a film as an MP4 file (H.264, yuv420p). The file is written atomically.

    Args:
        film: the film to render.
        path: path of the file; its folder must exist.
    """
    with (
        atomic_write(Path(path)) as file,
        av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        container.metadata["comment"] = MARK
        stream = container.add_stream("libx264", rate=RATE, options=CODEC)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in frames(film):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode())
