"""Correction of recognised speech (paper section 3.2, Figure 10): by a chat model, or by the product's facts alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import rapidfuzz

from vn.annotate.results import Refined
from vn.annotate.stage import Before, Made, Mark, RawVideo
from vn.annotate.text.asking import Answer, Fault, Question, Questions, ask, clips_of
from vn.annotate.text.bounds import FURTHEST, RULES, refusal
from vn.annotate.text.facts import Facts
from vn.annotate.text.private import private_marks
from vn.annotate.text.prompt import as_json, load_prompts
from vn.annotate.text.snap import SnapSettings, snapped
from vn.annotate.text.sound import sounds_by
from vn.endpoints.cached import CachedChat
from vn.errors import Findings
from vn.story import Language

TOKENS_PER_CHARACTER: Mapping[Language, float] = {
    "en": 0.6,
    "zh": 2.0,
}  # at most; a reply has as much text as a question


class ChatRefine:
    """See `vn.annotate.stage.Stage`: all clips of a video are corrected in one request.

    A reply that is not the JSON object asked for is asked for once more; after that the recognised texts are kept. Each
    correction is bounded (`vn.annotate.text.bounds.refusal`).

    Args:
        chat: the model.
        furthest: largest share of words or characters that a correction may change.
        again: whether questions whose kept replies are bad are asked again.
    """

    name = "refine"
    needs: tuple[str, ...] = ("speech", "knowledge")
    reads: tuple[str, ...] = ("language",)

    def __init__(self, chat: CachedChat, furthest: float = FURTHEST, again: bool = False) -> None:
        self._chat, self._furthest, self._again = chat, furthest, again
        self._prompts, sha256 = load_prompts("refine")
        self.key = f"{chat.key} {sha256} furthest {furthest} rules {RULES} {sounds_by()}"
        self._questions = Questions(chat.workers, self._ask)

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`."""
        self._questions.ask_all(videos)

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`."""
        recognised = list(before["speech"]["texts"])
        facts = Facts.of(video, before)
        answer = self._questions.of(video, before)
        if answer.value is None:
            marks = [Mark(f"not corrected: {answer.fault}", "reply", clip) for clip in _spoken(recognised)]
            made = refined(recognised, recognised, facts, self._furthest)
            return Made(made.result, marks + made.marks, {**made.counts, "bad_replies": 1.0})
        corrected = [answer.value.get(clip, text) for clip, text in enumerate(recognised)]
        return refined(recognised, corrected, facts, self._furthest)

    def report(self) -> dict[str, float]:
        """See `Stage.report`."""
        return {**self._chat.report(), "refine_seconds": self._questions.seconds}

    def _ask(self, video: RawVideo, before: Before) -> Answer[dict[int, str]]:
        texts = _spoken(before["speech"]["texts"])
        if not texts:
            return Answer({})
        prompt = self._prompts[video.language]
        facts = Facts.of(video, before)
        messages = prompt.messages(facts=facts.lines(), texts=as_json(texts))
        size = sum(len(text) * TOKENS_PER_CHARACTER[video.language] + 24 for text in texts.values())
        question = Question(prompt, messages, 64 + int(size), lambda value: _texts(value, list(texts)))
        return ask(self._chat, question, self._again)


class FactsRefine:
    """See `vn.annotate.stage.Stage`: near misses of the product's facts become these facts, without a model.

    Args:
        furthest: largest share of words or characters that a correction may change.
        settings: when a phrase is near enough.
    """

    name = "refine"
    needs: tuple[str, ...] = ("speech", "knowledge")
    reads: tuple[str, ...] = ("language",)

    def __init__(self, furthest: float = FURTHEST, settings: SnapSettings | None = None) -> None:
        self._furthest, self._settings = furthest, settings or SnapSettings()
        self.key = f"facts {self._settings} furthest {furthest} rules {RULES} {sounds_by()} {rapidfuzz.__version__}"
        self._seconds = 0.0

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`: there is nothing to do."""

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`."""
        begun = time.perf_counter()
        recognised = list(before["speech"]["texts"])
        facts = Facts.of(video, before)
        corrected = [snapped(text, facts, self._settings, self._furthest) for text in recognised]
        self._seconds += time.perf_counter() - begun
        return refined(recognised, corrected, facts, self._furthest)

    def report(self) -> dict[str, float]:
        """See `Stage.report`."""
        return {"refine_seconds": self._seconds}


def refined(recognised: Sequence[str], corrected: Sequence[str], facts: Facts, furthest: float) -> Made:
    """The result of ``refine``: corrections within their bounds, else what was recognised, with a mark."""
    texts, refused, marks = [], [], []
    for clip, (before, after) in enumerate(zip(recognised, corrected, strict=True)):
        why = refusal(before, after, facts, furthest) if before != after else None
        texts.append(before if why else after)
        if why:
            refused.append(clip)
            marks.append(Mark(why.why, why.kind, clip))
    made = Refined(tuple(texts), tuple(refused))
    changes = sum(a != b for a, b in zip(recognised, texts, strict=True))
    counts = {"corrected": float(changes), "refused": float(len(refused))}
    return Made(made.to_json(), marks + private_marks(texts), counts)


def _spoken(texts: Sequence[str]) -> dict[int, str]:
    """The texts of the clips in which something is spoken."""
    return {clip: text for clip, text in enumerate(texts) if text.strip()}


def _texts(value: Mapping[str, Any], clips: Sequence[int]) -> dict[int, str]:
    found = clips_of(value, clips)
    for clip, text in found.items():
        if not isinstance(text, str):
            raise Fault(f"the text of clip {clip + 1} is not a text")
    return {clip: " ".join(text.split()) for clip, text in found.items()}
