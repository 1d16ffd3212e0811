"""Script labels of narrations (paper section 3.2, Figure 12): by a chat model, or learned from labelled stories."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.annotate.results import Labelled
from vn.annotate.stage import Before, Made, Mark, RawVideo
from vn.annotate.text.asking import Answer, Fault, Question, Questions, ask, clips_of
from vn.annotate.text.facts import Facts
from vn.annotate.text.private import private_marks
from vn.annotate.text.prompt import as_json, load_prompts
from vn.endpoints.cached import CachedChat
from vn.errors import Findings, InputError, show
from vn.io.disk_cache import DiskCache
from vn.score.classifier_judge import ClassifierJudge
from vn.score.judge import read_answer
from vn.score.training import training_stories
from vn.story import Labels, Language, ScriptLabel, Story

logger = logging.getLogger(__name__)
MOST = 3  # labels of a clip
TOKENS = 48  # tokens that a reply may have, per clip


class ChatLabels:
    """See `vn.annotate.stage.Stage`: all clips of a video are labelled in one request.

    Args:
        chat: the model.
        again: whether questions whose kept replies are bad are asked again.
    """

    name = "labels"
    needs: tuple[str, ...] = ("speech", "refine", "knowledge")
    reads: tuple[str, ...] = ("language",)

    def __init__(self, chat: CachedChat, again: bool = False) -> None:
        self._chat, self._again = chat, again
        self._prompts, sha256 = load_prompts("labels")
        self.key = f"{chat.key} {sha256}"
        self._questions = Questions(chat.workers, self._ask)

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`."""
        self._questions.ask_all(videos)

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`."""
        answer = self._questions.of(video, before)
        return labelled(
            before, answer.value or {}, video.language, answer.fault or "the reply has none of the 12 labels"
        )

    def report(self) -> dict[str, float]:
        """See `Stage.report`."""
        return {**self._chat.report(), "labels_seconds": self._questions.seconds}

    def _ask(self, video: RawVideo, before: Before) -> Answer[dict[int, Labels]]:
        texts = narrations(before)
        if not texts:
            return Answer({})
        prompt = self._prompts[video.language]
        facts = Facts.of(video, before)
        definitions = "\n".join(
            f"{each.text(video.language)}: {each.definition(video.language)}" for each in ScriptLabel
        )
        messages = prompt.messages(definitions=definitions, facts=facts.lines(), texts=as_json(texts))
        readable: dict[int, Labels] = {}

        def read(value: Mapping[str, Any]) -> dict[int, Labels]:
            found = {clip: _labels(name) for clip, name in clips_of(value, list(texts)).items()}
            readable.update({clip: labels for clip, labels in found.items() if labels is not None})
            for clip, labels in found.items():
                if labels is None:
                    raise Fault(f"clip {clip + 1} has {show(value[str(clip + 1)])}, not one to three of the 12 labels")
            return readable

        question = Question(prompt, messages, 64 + TOKENS * len(texts), read)
        answer = ask(self._chat, question, self._again)
        return Answer(readable, answer.fault)  # clips with labels keep them, whatever the others have


class ClassifierLabels:
    """See `vn.annotate.stage.Stage`: a classifier learns from labelled stories and labels the rest.

    A tenth of those stories is held out; how often it agrees with them is logged, and in `report`.

    Args:
        place: labelled stories: a folder of Story files, a data folder or a JSON Lines file.
        language: language of the narrations; stories in another one are not learned from.
        cache: keeps what the classifier was measured at.

    Raises:
        InputError: there are no such stories, or too few in the language.
    """

    name = "labels"
    needs: tuple[str, ...] = ("speech", "refine")
    reads: tuple[str, ...] = ("language",)

    def __init__(self, place: Path, language: Language, cache: DiskCache) -> None:
        stories = [story for story in _stories(place) if story.language == language]
        if not stories:
            raise InputError(f"has no stories in {language}, the language of the videos", file=place, field="--labels")
        try:
            self._judge = ClassifierJudge(stories, language, cache)
        except InputError as error:  # it knows no file
            raise InputError(str(error), file=place, field="--labels") from None
        self.key = f"{language} {self._judge.key}"
        self._language, self._seconds = language, 0.0
        logger.info("--labels: %s", _agreement(language, self._judge))

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`: there is nothing to do."""

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`."""
        begun = time.perf_counter()
        texts = narrations(before)
        answers = self._judge.ask_all(list(texts.values())) if texts else []
        self._seconds += time.perf_counter() - begun
        found = {clip: read_answer(answer.text) for clip, answer in zip(texts, answers, strict=True)}
        labels = {clip: each[:MOST] for clip, each in found.items() if each}
        return labelled(before, labels, video.language, "the classifier has no label for it")

    def report(self) -> dict[str, float]:
        """See `Stage.report`: with the held-out agreement by language, both rules of `ClassifierJudge.held_out`."""
        counts = {"labels_seconds": self._seconds}
        if self._judge.held_out is not None:
            overlap, equal = self._judge.held_out
            counts |= {f"labels_held_out_{self._language}": overlap, f"labels_held_out_exact_{self._language}": equal}
        return counts


def narrations(before: Before) -> dict[int, str]:
    """The narrations of a video: corrected, or else as they were recognised; without clips that have none."""
    texts = before["refine" if "refine" in before else "speech"]["texts"]
    return {clip: text for clip, text in enumerate(texts) if text.strip()}


def labelled(before: Before, labels: Mapping[int, Labels], language: Language, fault: str) -> Made:
    """The result of ``labels``; a clip with a narration and without labels is marked."""
    texts = narrations(before)
    count = len(before["speech"]["texts"])
    marks = [Mark(f"without labels: {fault}", "label", clip) for clip in texts if clip not in labels]
    counts = {"labelled": float(len(labels)), "without_labels": float(len(marks))}
    if "refine" not in before:  # else they are marked there
        marks += private_marks([texts.get(clip) for clip in range(count)])
    made = Labelled(tuple(labels.get(clip) for clip in range(count)))
    return Made(made.to_json(language), marks, counts)


def _stories(place: Path) -> list[Story]:
    """Labelled stories; those in ``train/`` if they are in such folders, as ``vn annotate`` writes them."""
    field = "--labels"
    if not place.exists():
        raise InputError("no such labelled stories", file=place, field=field)
    inside = place / "train"
    if place.is_dir() and not any(place.glob("*.json")) and any(inside.glob("*.json")):
        place = inside
    stories = training_stories(place)
    if not stories:
        raise InputError("has no stories", file=place, field=field)
    return stories


def _labels(value: Any) -> Labels | None:
    """One to three of the 12 labels by their names: joined by ``+``, or a list; None if they are anything else."""
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        value = "+".join(value)
    labels = read_answer(value) if isinstance(value, str) else None
    return labels if labels and len(labels) <= MOST else None


def _agreement(language: Language, judge: ClassifierJudge) -> str:
    if judge.held_out is None:
        return f"the {language} classifier had too few stories to hold some out: its labels are not measured"
    overlap, equal = judge.held_out
    return f"the {language} classifier agrees with {overlap:.1%} of the held-out labels, {equal:.1%} exactly"
