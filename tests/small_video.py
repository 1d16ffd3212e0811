"""A small video whose colour changes each second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE = 4


def write_video(file: Path, seconds: int = 16) -> Path:
    import av

    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for i in range(RATE * seconds):
            step = i // RATE * 15 % 256
            picture = np.full((32, 32, 3), (step, 255 - step, 80), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file
