"""A trained narrator with its frame encoder, loaded once: videos in, written stories out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vn.adapter import load_adapter, ngrams_of
from vn.card import CARD
from vn.data.encoders import load_matching_encoder
from vn.data.frames import encode_video
from vn.errors import InputError
from vn.generation.at_once import AtOnce
from vn.generation.decoding import Decoding
from vn.generation.draft import VideoInput
from vn.generation.story_writer import StoryWriter
from vn.narrate.job import Job
from vn.story import WordRangeRule
from vn.written import WrittenClip

if TYPE_CHECKING:
    from vn.narrate.spoken import SpokenLength


class Narrator:
    """Writes the stories of videos, several in parallel.

    Args:
        adapter: the adapter folder.
        base_model: path of the base model, if it has moved since training.
        encoder_weights: weights files of the frame encoder, if it has any.
        options: how tokens are chosen, ``length`` and the fields of `Decoding`; and ``dtype`` (`load_adapter`).
        device: e.g. ``cpu``; None is CUDA if available.
        at_once: number of stories written in parallel, which does not change them; ``auto`` is by free memory on CUDA
            and 4 elsewhere.
        imports: each ``module:Name`` that the adapter may import.
        spoken: keeps narrations within what a voice can say; None if there is no voice, or it does not matter.

    Raises:
        InputError: the adapter, base model or encoder is missing, damaged, not installed or not the one used in
            training.
    """

    def __init__(
        self,
        adapter: Path,
        base_model: str | None,
        encoder_weights: Sequence[str],
        options: Mapping[str, Any],
        device: str | None,
        at_once: AtOnce = 1,
        imports: Collection[str] = (),
        spoken: SpokenLength | None = None,
    ) -> None:
        self.spoken = spoken
        options = dict(options)
        dtype = options.pop("dtype", None)
        assembly = load_adapter(adapter, base_model, imports=imports, only_writes=True, dtype=dtype)
        self.card = card = assembly.card
        self.encoder = load_matching_encoder(
            card.encoder, card.tokens, card.width, encoder_weights, imports, adapter / CARD
        )
        assembly.narrator.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        # A raw video has no references, so the range is computed from the clip's duration.
        rule = WordRangeRule("duration", card.word_range.rate, card.word_range.margin)
        assembly.builder.words = rule if spoken is None else spoken.ranges(rule)
        length = options.pop("length")
        decoding = Decoding(length_control="exact" if length == "spoken" else length, **options)
        ngrams = ngrams_of(adapter, assembly) if decoding.drafts != "none" else None
        self.writer = StoryWriter(assembly.narrator, assembly.builder, decoding, ngrams=ngrams)
        self.pool = self.writer.pool(at_once, usual=4)

    def add(
        self,
        job: Job,
        done: Callable[[Job, list[WrittenClip]], None],
        failed: Callable[[Job, InputError], None] | None = None,
        follow: Callable[[WrittenClip], None] | None = None,
    ) -> None:
        """Encode a video and begin its story; while there is no free slot, stories begun earlier are continued.

        Args:
            job: the video, its clips found.
            done: called with the job and its written clips when the story is finished, in this call or a later one.
            failed: called with the job if its story cannot be written; None raises the error.
            follow: called with each clip when it is written.

        Raises:
            InputError: the video cannot be read.
        """
        features = encode_video(job.video, self.encoder, findings=job.findings)
        self._warn_of_unknown(job)
        clips = range(len(job.plan.story.clips))
        video = VideoInput(job.plan.story, features.features, features.seconds, clips, job.plan.fixed)
        again = None if self.spoken is None else self.spoken.again(job.plan.story)
        self.pool.add(
            self.writer.story(video, follow=follow, again=again),
            partial(self._finish, done, job),
            partial(failed, job) if failed else None,
        )

    def _finish(self, done: Callable[[Job, list[WrittenClip]], None], job: Job, written: list[WrittenClip]) -> None:
        """Warn of what is too long for the voice, and pass on what was written."""
        if self.spoken is not None:
            for each in written[job.plan.first or 0 :]:
                if message := self.spoken.missed(job.plan.story, each):
                    job.findings.add(message, file=job.video, field=f"clips[{each.clip}].narration")
        done(job, written)

    def _warn_of_unknown(self, job: Job) -> None:
        """Warn if the demo's narrator, which writes fluently about any video, gets one that is not the demo's."""
        if self.card.corpus != "demo":
            return
        from vn.data.demo_mark import is_demo_video

        if not is_demo_video(job.video):
            message = (
                "this narrator was trained only on the demo's toy world of rendered products, not on videos like this"
            )
            job.findings.add(message, file=job.video)

    def finish(self) -> None:
        """Write until every story is finished."""
        self.pool.finish()
