"""The videos that a test narrates, in which order, and with whose frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vn.data.shard_entries import SampleEntry
from vn.data.shards import announce, read_sample
from vn.errors import InputError
from vn.generation.draft import VideoInput
from vn.io.remote import Folder


@dataclass(frozen=True, slots=True)
class UnreadableVideo:
    """A video to narrate that cannot be read; the others can be narrated first.

    Attributes:
        why: an error message that names it.
    """

    why: str


def other_videos(entries: list[SampleEntry]) -> list[int]:
    """For each video another one of similar length: neighbours by duration are swapped; an odd last three rotate."""
    if len(entries) < 2:
        raise InputError("frames of another video need at least two videos", field="data.frames")
    order = sorted(range(len(entries)), key=lambda i: (entries[i].seconds, entries[i].key))
    other = list(range(len(entries)))
    for a, b in zip(order[0::2], order[1::2], strict=False):
        other[a], other[b] = b, a
    if len(order) % 2:
        a, b, c = order[-3:]
        other[a], other[b], other[c] = b, c, a
    return other


class VideoReader:
    """Reads the videos that a test narrates.

    Args:
        folder: the data folder.
        entries: the split's samples.
        frame: T and D, the shape of a frame's features.
        others: for each video, the index of the one whose frames it is narrated with.
    """

    def __init__(
        self, folder: Folder, entries: Sequence[SampleEntry], frame: tuple[int, int], others: Sequence[int]
    ) -> None:
        self.folder = folder
        self.entries = entries
        self.frame = frame
        self.others = others

    def announce(self, index: int) -> None:
        """Have the samples of a video fetched that will be read soon."""
        for i in {index, self.others[index]}:
            announce(self.folder / self.entries[i].shard, self.entries[i], whole=True)

    def read(self, index: int) -> VideoInput | UnreadableVideo:
        """One video, or why it cannot be read."""
        entries, other = self.entries, self.others[index]
        try:
            story, frames, seconds = read_sample(self.folder / entries[index].shard, entries[index], self.frame)
            if other != index:
                _, frames, seconds = read_sample(self.folder / entries[other].shard, entries[other], self.frame)
        except InputError as error:
            return UnreadableVideo(str(error))
        return VideoInput(story, frames, seconds)

    def order(self) -> list[int]:
        """The longest first, so that no long one is left to run alone at the end."""
        return sorted(range(len(self.entries)), key=lambda i: (-self.entries[i].clips, i))
