"""Write a story clip by clip: label, then narration, each on the model's own earlier text (docs/method.md#inference).

    trunk: instruction · product · text of earlier clips | own: header · SCENE · words | label | narration
    `---- stays in the cache and grows with each clip ---'`--- forgotten when the next clip is opened ---'

A story is a coroutine: it requests tokens to be read and is sent the logits of what follows, so that many stories, each
at its own position, share the passes of the model (`vn.generation.pool`, `vn.generation.decoder`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np

from vn.errors import InputError
from vn.generation.at_once import AtOnce, resolve
from vn.generation.clip_writer import ClipWriter
from vn.generation.decoder import Decoder, Slot, Work
from vn.generation.decoding import Decoding
from vn.generation.draft import Attempt, Draft, VideoInput
from vn.generation.pool import Pool
from vn.llm.ngrams import Ngrams
from vn.llm.rows import RowBuilder
from vn.narrator import VideoNarrator
from vn.story import Story, WordRange
from vn.written import WrittenClip

logger = logging.getLogger(__name__)
Storyline = Literal["predicted", "given"]
Again = Callable[[Sequence[WrittenClip]], WordRange | int]
"""Called with the attempts at a clip: gives the range of words of another attempt, or the number of the one to keep."""


class StoryWriter:
    """Writes stories with a trained narrator.

    Args:
        narrator: the model, in evaluation mode.
        builder: builds its prompts.
        decoding: how tokens are chosen.
        static: passes of single tokens are CUDA graphs (`Decoder`); the texts are the same. None: if it is worthwhile.
        ngrams: what ``decoding.drafts`` are guessed by, of the adapter folder (`vn.llm.ngrams.read_ngrams`).

    Raises:
        InputError: `decoding` asks for drafts, and there are no n-grams.

    Example:
        >>> from vn.adapter import load_adapter
        >>> from vn.data.manifest import Manifest
        >>> from vn.data.shards import read_sample
        >>> entry = Manifest.load("data/mine").samples("test")[0]
        >>> story, frames, seconds = read_sample(f"data/mine/{entry.shard}", entry)
        >>> assembly = load_adapter("runs/mine/adapter")
        >>> writer = StoryWriter(assembly.narrator, assembly.builder, Decoding(max_new_tokens=6))
        >>> written = writer.write(story, frames, seconds)
        >>> [clip.clip for clip in written] == list(story.narrated)
        True
    """

    def __init__(
        self,
        narrator: VideoNarrator,
        builder: RowBuilder,
        decoding: Decoding | None = None,
        static: bool | None = None,
        ngrams: Ngrams | None = None,
    ) -> None:
        if decoding is not None and decoding.drafts != "none" and ngrams is None:
            raise InputError("needs the n-grams of an adapter folder (vn.llm.ngrams.read_ngrams)", field="drafts")
        self.narrator = narrator
        self.builder = builder
        self.static = static
        self.decoding = decoding or Decoding()
        self.ngrams = ngrams if self.decoding.drafts != "none" else None
        self._clips = ClipWriter(narrator, builder, self.decoding)

    @property
    def trunks_read(self) -> int:
        """How often a prompt was encoded from its beginning."""
        return self._clips.trunks_read

    def write(
        self,
        story: Story,
        frames: np.ndarray,
        seconds: np.ndarray,
        storyline: Storyline = "predicted",
        clips: Sequence[int] | None = None,
    ) -> list[WrittenClip]:
        """Narrate a video; see `write_all`."""
        return self.write_all([VideoInput(story, frames, seconds, clips)], storyline)[0]

    def write_all(
        self, videos: Sequence[VideoInput], storyline: Storyline = "predicted", at_once: int | None = None
    ) -> list[list[WrittenClip]]:
        """Narrate videos in parallel.

        Args:
            videos: the videos to narrate; what is written for one does not depend on the others.
            storyline: ``given`` follows the stories' labels; ``predicted`` writes them first.
            at_once: how many at a time; None is all.

        Returns:
            The written clips of each video.

        Raises:
            InputError: a clip has no labels although they should be given.
        """
        pool = self.pool(at_once or len(videos) or 1)
        done: dict[int, list[WrittenClip]] = {}
        for n, each in enumerate(videos):
            pool.add(self.story(each, storyline), partial(done.__setitem__, n))
        pool.finish()
        return [done[n] for n in range(len(videos))]

    def pool(self, at_once: AtOnce, usual: int = 16) -> Pool:
        """A pool of stories.

        Args:
            at_once: how many are written at once; ``auto`` is by free memory on CUDA.
            usual: the number for ``auto`` elsewhere.
        """
        rows = resolve(at_once, self.narrator, self.builder.max_length, usual)
        decoder = Decoder(self.narrator, self.static)
        if self.ngrams is not None and decoder.static is not None:
            logger.warning("no drafts on this device: its passes of single tokens are static (CUDA graphs)")
        self._clips.ngrams = self.ngrams if decoder.static is None else None
        return Pool(decoder, rows)

    def story(
        self,
        video: VideoInput,
        storyline: Storyline = "predicted",
        follow: Callable[[WrittenClip], None] | None = None,
        again: Again | None = None,
    ) -> Callable[[Slot], Work[list[WrittenClip]]]:
        """The work of writing one story, for `Pool.add`; begun again, it goes on with the clip that was not finished.

        Args:
            video: the video.
            storyline: see `write_all`.
            follow: called with each clip when it is written.
            again: which clips are written again before the next; None: none. Fixed narrations are kept.

        Raises:
            InputError: a clip has no labels although they should be given.
        """
        draft = Draft(video, storyline == "given" and self.builder.storyline, self.builder, self.decoding)

        def work(slot: Slot) -> Work[list[WrittenClip]]:
            while draft.clips:
                written = draft.add((yield from self._attempt(draft, slot, again)))
                if follow is not None:
                    follow(written)
            return draft.done

        return work

    def _attempt(self, draft: Draft, slot: Slot, again: Again | None) -> Work[Attempt]:
        """Write the next clip, as often as `again` asks for it; the attempt to keep."""
        attempts = [(yield from self._clips.write(draft, slot))]
        if again is None or draft.fixed.narration is not None:
            return attempts[0]
        while True:
            answer = again([each.written for each in attempts])
            if isinstance(answer, int):
                return attempts[answer]
            attempts.append((yield from self._clips.write(draft, slot, answer)))
