"""Encoders and judges by name, made when they are first needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.io.remote import Folder
from vn.story import Language

if TYPE_CHECKING:
    from vn.score.clip_encoder import ClipEncoder
    from vn.score.frame_vectors import FrameVectors
    from vn.score.judge import Judge
    from vn.score.sentences import SentenceEncoder

Made = TypeVar("Made")
JUDGES = "classifier, openai:MODEL or local:MODEL"


@dataclass
class ScoringModels:
    """The models that some metrics need; all are None, so that nothing is loaded, unless asked for.

    Attributes:
        clip_name: the CLIP of EMScore; see `vn.score.clip_encoder.ClipEncoder`.
        sentences_name: the encoder of InfoSim and InfoDiverse; see `vn.score.sentences.SentenceEncoder`. ``auto`` is
            ``minilm`` in English, and none in Chinese.
        judge: the judge of script labels: ``classifier``, ``openai:MODEL`` or ``local:MODEL``.
        second_judge: another one, to measure how far two judges agree.
        judge_url: the endpoint of ``openai:`` judges; None for OpenAI's own.
        judge_prompt: a file like ``judge.yaml``; None for ours.
        training: the classifier's training stories: see `vn.score.training.training_stories`.
        shards: a data folder that may hold the frames of EMScore.
        videos: a folder with the stories' videos.
        cache: keeps embeddings and answers.
    """

    clip_name: str | None = None
    sentences_name: str | None = None
    judge: str | None = None
    second_judge: str | None = None
    judge_url: str | None = None
    judge_prompt: Path | None = None
    training: Folder | None = None
    shards: Folder | None = None
    videos: Path | None = None
    cache: DiskCache = field(default_factory=DiskCache)
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def clip(self) -> tuple[ClipEncoder, FrameVectors]:
        """The CLIP of EMScore, and the frames in its space.

        Raises:
            InputError: none was chosen.
        """
        if self.clip_name is None:
            raise InputError("no CLIP was chosen (--clip MODEL)")
        from vn.score.clip_encoder import ClipEncoder
        from vn.score.frame_vectors import FrameVectors

        encoder = self._once("clip", lambda: ClipEncoder(str(self.clip_name), self.cache))
        return encoder, FrameVectors(encoder, self.shards, self.videos)

    def sentences(self, language: Language) -> SentenceEncoder:
        """The encoder of InfoSim and InfoDiverse.

        Raises:
            InputError: none was chosen, or ``auto`` has none for this language.
        """
        name = self.sentences_name
        if name == "auto":
            name = "minilm" if language == "en" else None
        if name is None:
            raise InputError("no sentence encoder was chosen (--sentences MODEL)")
        from vn.score.sentences import SentenceEncoder

        return self._once(f"sentences {name}", lambda: SentenceEncoder(str(name), self.cache))

    def judges(self, language: Language) -> tuple[Judge, Judge | None]:
        """The judge, and the second one.

        Raises:
            InputError: none was chosen, or it is not available.
        """
        if self.judge is None:
            raise InputError(f"no judge was chosen (--judge {JUDGES})")
        second = self._judge(self.second_judge, language) if self.second_judge else None
        return self._judge(self.judge, language), second

    def _judge(self, name: str, language: Language) -> Judge:
        kind, _, model = name.partition(":")
        if kind == "classifier" and not model:
            return self._once(f"classifier {language}", lambda: self._classifier(language))
        if kind not in ("openai", "local") or not model:
            raise InputError(f"no judge {name!r}; there are {JUDGES}")
        from vn.score.judge import PROMPTS, JudgePrompt

        prompt = JudgePrompt(language, self.judge_prompt or PROMPTS)
        if kind == "openai":
            from vn.score.openai_judge import OpenAIJudge

            return self._once(f"{name} {language}", lambda: OpenAIJudge(model, prompt, self.judge_url))
        from vn.score.local_judge import LocalJudge

        return self._once(f"{name} {language}", lambda: LocalJudge(model, prompt))

    def _classifier(self, language: Language) -> Judge:
        from vn.score.classifier_judge import ClassifierJudge
        from vn.score.training import training_state, training_stories

        if self.training is None:
            raise InputError("the classifier judge has no training stories (--training STORIES)")
        place = self.training
        return ClassifierJudge(lambda: training_stories(place), language, self.cache, training_state(place))

    def _once(self, key: str, make: Callable[[], Made]) -> Made:
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made
