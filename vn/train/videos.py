"""The videos that a test narrates, in which order, and with whose frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vn.data.samples import Samples
from vn.data.shards import announce, read_sample
from vn.errors import InputError
from vn.generation.draft import VideoInput
from vn.io.remote import Folder
from vn.io.retries import Unreachable


@dataclass(frozen=True, slots=True)
class UnreadableVideo:
    """A video to narrate that cannot be read; the others can be narrated first.

    Attributes:
        why: an error message that names it.
    """

    why: str


def other_videos(entries: Samples) -> np.ndarray:
    """For each video another one of similar length: neighbours by duration are swapped; an odd last three rotate.

    Returns:
        ``[N]`` int64: the number of the other video.
    """
    if len(entries) < 2:
        raise InputError("frames of another video need at least two videos", field="data.frames")
    order = np.lexsort((np.array(entries.keys()), entries.column("seconds")))
    other = np.arange(len(entries))
    pairs = len(order) // 2 * 2
    other[order[0:pairs:2]], other[order[1:pairs:2]] = order[1:pairs:2], order[0:pairs:2]
    if len(order) % 2:
        a, b, c = order[-3:]
        other[a], other[b], other[c] = b, c, a
    return other


def longest_first(entries: Samples) -> np.ndarray:
    """The numbers of the videos, ``[N]`` int64, the longest first: none is left to run alone at the end."""
    return np.argsort(-entries.column("clips"), kind="stable")


class VideoReader:
    """Reads the videos that a test narrates.

    Args:
        folder: the data folder.
        entries: the split's samples.
        frame: T and D, the shape of a frame's features.
        others: for each video, the number of the one whose frames it is narrated with; None: its own.
    """

    def __init__(
        self, folder: Folder, entries: Samples, frame: tuple[int, int], others: np.ndarray | None = None
    ) -> None:
        self.folder = folder
        self.entries = entries
        self.frame = frame
        self.others = others

    def announce(self, index: int) -> None:
        """Have the samples of a video fetched that will be read soon."""
        for i in (index,) if self.others is None else (index, self.others[index]):
            announce(self.folder / self.entries[i].shard, self.entries[i], whole=True)

    def read(self, index: int) -> VideoInput | UnreadableVideo:
        """One video, or why it cannot be read.

        Raises:
            Unreachable: the server of the data folder is gone.
        """
        entry = self.entries[index]
        try:
            story, frames, seconds = read_sample(self.folder / entry.shard, entry, self.frame)
            if self.others is not None:
                other = self.entries[self.others[index]]
                _, frames, seconds = read_sample(self.folder / other.shard, other, self.frame)
        except Unreachable:  # no fault of the video: the others would be waited for one by one
            raise
        except InputError as error:
            return UnreadableVideo(str(error))
        return VideoInput(story, frames, seconds)
