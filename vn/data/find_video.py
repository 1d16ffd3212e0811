"""Finding videos by name: any extension that the decoder reads, upper or lower case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# Video formats that FFmpeg reads; if several videos have the same name, the first extension here wins.
# fmt: off
VIDEO_SUFFIXES = (
    ".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".flv", ".ts", ".mpg", ".mpeg", ".m2ts", ".mts", ".m2t", ".vob",
    ".m2v", ".wmv", ".asf", ".3gp", ".3g2", ".f4v", ".qt", ".ogv", ".ogm", ".mxf", ".divx", ".dv", ".rm", ".rmvb",
    ".wtv", ".nut", ".y4m", ".ivf", ".h264", ".hevc",
)
# fmt: on


class VideoFinder:
    """Looks for videos in folders; each folder is listed once.

    Args:
        folder: the folder that names are relative to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listed: dict[Path, dict[tuple[str, str], str]] = {}

    def find(self, names: Sequence[str], ids: Sequence[str]) -> Path | None:
        """The first video that exists.

        Args:
            names: file names, tried first; the extension is case-insensitive.
            ids: names without an extension.
        """
        for name in names:
            place = self.folder / name
            if os.path.isfile(place):
                return place
            there = self._files(place.parent).get((place.stem, place.suffix.lower()))
            if there is not None:
                return place.parent / there
        for identity in ids:
            place = self.folder / identity
            files = self._files(place.parent)
            for suffix in VIDEO_SUFFIXES:
                there = files.get((place.name, suffix))
                if there is not None:
                    return place.parent / there
        return None

    def _files(self, folder: Path) -> dict[tuple[str, str], str]:
        """A folder's file names by stem and lower-case extension."""
        if folder not in self._listed:
            try:
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries if entry.is_file())
            except OSError:
                names = []
            # Sorted, so that v.MOV and v.mov always give the same one.
            self._listed[folder] = {(stem, end.lower()): stem + end for stem, end in map(os.path.splitext, names)}
        return self._listed[folder]


def looked_for(names: Sequence[str], ids: Sequence[str]) -> str:
    """What `VideoFinder.find` tries, for messages."""
    first = names[0] if names else f"{ids[0]}{VIDEO_SUFFIXES[0]}"
    endings = " ".join(VIDEO_SUFFIXES)
    return f"(looked for {first}), also as {' or '.join(ids)} with one of {endings} in upper or lower case"
