"""The test of a narrator: writes every video's story in every setting, and saves each as soon as it is written."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import lightning as L

from vn.adapter import Assembly
from vn.generation.draft import VideoInput
from vn.generation.story_writer import Storyline, StoryWriter
from vn.train.datamodule import StoryDataModule
from vn.train.predictions import PredictionWriter
from vn.train.settings import EvaluationSettings
from vn.train.tested import Tested
from vn.train.videos import UnreadableVideo
from vn.written import WrittenClip, prediction_lines

logger = logging.getLogger(__name__)


class StoryTest:
    """Writes the stories of a test, or of a prediction, in parallel.

    Args:
        trainer: the trainer that runs it.
        assembly: the narrator.
        settings: what to write, and how.
        output: the folder to write to.
        tested: the adapter folder that the narrator was loaded from, if it was; if the data type of the language model
            there is another than the test's, predictions name it.
    """

    def __init__(
        self,
        trainer: L.Trainer,
        assembly: Assembly,
        settings: EvaluationSettings,
        output: Path,
        tested: Tested | None,
    ) -> None:
        data: StoryDataModule = trainer.datamodule  # type: ignore[attr-defined]
        self.storyline: list[Storyline] = settings.storyline if assembly.builder.storyline else ["predicted"]
        self._data = data
        self._trainer = trainer
        self._range_source = assembly.builder.words.source
        read, dtype = data.settings, assembly.card.dtype
        test = {
            "adapter": tested and tested.sha256,
            "base_model": assembly.card.base_sha256,
            # The data type that is used: another machine may resolve ``auto`` to another one.
            "testing": {**dataclasses.asdict(settings), "dtype": dtype},
            "data": [data.manifest.sha256, read.frames, read.limit, read.evaluate_on],
        }
        self._noted = {} if tested is None or tested.dtype == dtype else {"dtype": dtype}
        self._predictions = PredictionWriter(output, trainer, test)
        self._writer = StoryWriter(assembly.narrator, assembly.builder, settings.decoding, ngrams=assembly.ngrams)
        self._pool = self._writer.pool(read.videos_at_once)

    def add(self, video: VideoInput | UnreadableVideo) -> None:
        """Begin a video's stories, one per setting; they are written in parallel with those of other videos."""
        if isinstance(video, UnreadableVideo):
            self._predictions.note_unread(video.why)
            return
        story = video.story
        clips = story.narrated or range(len(story.clips))
        for setting in self.storyline:
            if (setting, story.id) in self._predictions.done:
                continue
            if setting == "given" and any(story.clips[i].labels is None for i in clips):
                self._predictions.skip(setting, story, "has no script labels to give")
            else:

                def keep(written: list[WrittenClip], setting: str = setting) -> None:
                    lines = prediction_lines(story, written, self._range_source)
                    self._predictions.add(setting, story, [{**line, **self._noted} for line in lines])

                self._pool.add(self._writer.story(video, setting), keep)

    def finish(self) -> None:
        """Write what is still unfinished, and merge what all ranks wrote."""
        self._pool.finish()
        self._predictions.merge((setting, key) for key in self._data.test_keys for setting in self.storyline)
        if self._predictions.findings and self._trainer.is_global_zero:
            logger.warning(self._predictions.findings.summary())
