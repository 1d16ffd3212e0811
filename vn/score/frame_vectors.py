"""The frames for EMScore: from shards whose encoder is the CLIP asked for, else from the videos."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vn.data.find_video import VideoFinder, looked_for
from vn.errors import InputError
from vn.io.remote import Folder, open_folder
from vn.score.clip_encoder import ClipEncoder
from vn.story import Story

if TYPE_CHECKING:
    from vn.data.manifest import Manifest

FPS = 1.0
CLOCK = "player"  # clock of the seconds that are kept


class FrameVectors:
    """Unit vectors of a video's frames, sampled at 1 fps.

    Args:
        encoder: encodes the frames.
        shards: a data folder; its frames are used if its encoder is the same CLIP, with one vector per frame.
        videos: folder with the stories' videos; None for the paths that the stories name.
    """

    def __init__(
        self, encoder: ClipEncoder, shards: str | Folder | None = None, videos: str | Path | None = None
    ) -> None:
        self.encoder = encoder
        self.shards = open_folder(shards) if shards is not None else None
        self.videos = Path(videos) if videos is not None else None

    def of(self, story: Story) -> tuple[np.ndarray, np.ndarray]:
        """Vectors ``[F, D]`` and seconds ``[F]``.

        Raises:
            InputError: there are neither such shards nor the video.
        """
        return self._from_shards(story) or self._from_video(story)

    def _from_shards(self, story: Story) -> tuple[np.ndarray, np.ndarray] | None:
        if self.shards is None or (isinstance(self.shards, Path) and not self.shards.is_dir()):
            return None
        from vn.data.shards import read_sample
        from vn.metrics.vectors import normalised

        manifest = self._manifest
        made_by = manifest.encoder
        names = {made_by.get("id"), (made_by.get("settings") or {}).get("model")}
        same = self.encoder.name in names and str(made_by.get("weights_sha256"))[:12] == self.encoder.weights
        if not same or manifest.tokens != 1:
            return None
        entry = manifest.find(story.id)
        if entry is None:
            return None
        _, frames, seconds = read_sample(self.shards / entry.shard, entry)
        return normalised(frames[:, 0]), seconds

    @cached_property
    def _manifest(self) -> Manifest:
        """The manifest of the shards, read once for all stories."""
        from vn.data.manifest import Manifest

        assert self.shards is not None
        return Manifest.load(self.shards)

    def _from_video(self, story: Story) -> tuple[np.ndarray, np.ndarray]:
        file = self._file(story)
        state = file.stat()
        key = f"{file.resolve()}:{state.st_size}:{state.st_mtime_ns}:{FPS}:{CLOCK}"
        maker = f"{self.encoder.key} frames"
        cache = self.encoder.cache
        stored = cache.get(maker, [key]).get(key)
        if stored is None:
            from vn.data.video import sample_frames

            shown = list(sample_frames(file, FPS, sample=story.id))
            vectors = self.encoder.pictures([picture for _, picture in shown])
            table = np.column_stack([np.array([second for second, _ in shown]), vectors]).astype(np.float32)
            stored = np.array([len(table)], dtype=np.float32).tobytes() + table.tobytes()
            cache.put(maker, {key: stored})
        numbers = np.frombuffer(stored, dtype=np.float32)
        table = numbers[1:].reshape(int(numbers[0]), -1)
        return table[:, 1:], table[:, 0]

    def _file(self, story: Story) -> Path:
        if self.videos is None:
            place = Path(story.video) if story.video else None
            if place is not None and place.is_file():
                return place
            raise InputError("the video is not at the path in its story (--videos FOLDER)", sample=story.id)
        names = [Path(story.video).name] if story.video else []
        found = VideoFinder(self.videos).find(names, [story.id])
        if found is None:
            message = f"the video is not in {self.videos} {looked_for(names, [story.id])}"
            raise InputError(message, sample=story.id)
        return found
