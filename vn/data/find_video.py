"""Finding videos by name: any ending that the decoder reads, in any case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

# Of the formats with pictures that FFmpeg reads; if there are several videos of one name, the first ending counts.
# fmt: off
VIDEO_SUFFIXES = (
    ".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".flv", ".ts", ".mpg", ".mpeg", ".m2ts", ".mts", ".m2t", ".vob",
    ".m2v", ".wmv", ".asf", ".3gp", ".3g2", ".f4v", ".qt", ".ogv", ".ogm", ".mxf", ".divx", ".dv", ".rm", ".rmvb",
    ".wtv", ".nut", ".y4m", ".ivf", ".h264", ".hevc",
)
# fmt: on


class VideoFinder:
    """Looks for videos in folders; each is listed once.

    Args:
        folder: where names are looked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listed: dict[Path, dict[tuple[str, str], str]] = {}

    def find(self, names: Sequence[str], ids: Sequence[str]) -> Path | None:
        """The first video that there is.

        Args:
            names: file names, looked for first; upper and lower case of the ending make no difference.
            ids: names without an ending.
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
        """The names of a folder's files by name without ending, and ending in lower case."""
        if folder not in self._listed:
            try:
                with os.scandir(folder) as entries:
                    names = sorted(entry.name for entry in entries if entry.is_file())
            except OSError:
                names = []
            # Sorted: of v.MOV and v.mov, always the same one.
            self._listed[folder] = {(stem, end.lower()): stem + end for stem, end in map(os.path.splitext, names)}
        return self._listed[folder]


def looked_for(names: Sequence[str], ids: Sequence[str]) -> str:
    """What `VideoFinder.find` tries, for messages."""
    first = names[0] if names else f"{ids[0]}{VIDEO_SUFFIXES[0]}"
    endings = " ".join(VIDEO_SUFFIXES)
    return f"(looked for {first}), also as {' or '.join(ids)} with one of {endings} in upper or lower case"
