"""Whether a video was rendered by the demo: its narrator was trained on nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import av

from vn.errors import InputError

MARK = "rendered by vn demo"  # in the file's metadata; it survives a copy into another container


def is_demo_video(path: Path) -> bool:
    """Whether a video file has the demo's mark.

    Raises:
        InputError: the file cannot be read as a video.
    """
    try:
        # An absolute path, since FFmpeg takes 'name:' at the start of a path as a protocol.
        with av.open(os.path.abspath(path), metadata_errors="replace") as container:
            return container.metadata.get("comment", container.metadata.get("COMMENT")) == MARK
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise InputError(f"not a video that can be read ({error})", file=path) from None
