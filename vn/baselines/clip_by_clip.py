"""Stories by models that see one clip at a time: each narration is asked for with those before it (the paper's A.1)."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vn.baselines.clip_model import ClipModel, Seen, TooLong
from vn.baselines.clip_prompt import ClipTemplate, Question, question_of
from vn.baselines.counts import Counts
from vn.baselines.translate import Translator
from vn.baselines.writer import BaselineVideo, Storyline
from vn.errors import InputError
from vn.generation.length import most_tokens
from vn.io.disk_cache import DiskCache
from vn.prompt import Written
from vn.story import Fixed, Knowledge, Language, Story, WordRange, count_words
from vn.written import WrittenClip

USUAL_TOKENS = 100  # most tokens of a short narration, as in the release
COUNTED = ("narrations", "length_retries", "out_of_range", "empty")
WORDS_PER_SECOND = {"zh": 5.0, "en": 2.5}  # to ask for as much speech in another language


@dataclass(frozen=True, slots=True)
class Translation:
    """Between the language that a model is asked in and the stories'.

    Attributes:
        to_prompt: titles, knowledge and fixed narrations, for its questions.
        to_story: its narrations.
    """

    to_prompt: Translator
    to_story: Translator


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a model wrote for a clip, in its own language and in the story's."""

    own: str
    narration: str
    count: int
    forgotten: int
    points_dropped: int


class ClipByClip:
    """See `vn.baselines.writer.Writer`. There is no storyline of its own: labels are None unless they are given.

    Args:
        model: writes the narrations.
        template: the wording of its questions, in the language that it is asked in.
        cache: keeps its answers.
        length_retries: how often a narration out of range is asked for again.
        translation: if the stories are in another language than the template.
    """

    storylines: tuple[Storyline, ...] = ("predicted", "given")
    workers = 1

    def __init__(
        self,
        model: ClipModel,
        template: ClipTemplate,
        cache: DiskCache,
        length_retries: int = 0,
        translation: Translation | None = None,
    ) -> None:
        self._model, self._template, self._cache = model, template, cache
        self._retries, self._translation = length_retries, translation
        self._counts = Counts(*COUNTED)
        self._asked: Counter[str] = Counter(requests=0, from_cache=0)  # also for videos that are not finished
        self.name = model.id
        self.settings: Mapping[str, Any] = {
            **model.settings,
            "template_sha256": template.sha256,
            "prompt_language": template.language,
            "length_retries": length_retries,
            "translate": dict(translation.to_story.settings) if translation else None,
        }
        self._key = json.dumps(dict(model.settings), sort_keys=True)

    def write(self, video: BaselineVideo, storyline: Storyline) -> list[WrittenClip]:
        """See `vn.baselines.writer.Writer.write`."""
        story, own = self._in_prompt_language(video.story), self._template.language
        look = self._model.watch(video.content, story.id)
        done: list[WrittenClip] = []
        earlier: list[str] = []  # in the language of the prompt, as the model wrote them
        for number in video.clips:
            fixed, words = video.fixed.get(number, Fixed()), video.words[number]
            if fixed.narration is not None:
                text, problem = _Answer("", fixed.narration, 0, 0, 0), None
                earlier += self._for_prompt([fixed.narration])
            else:
                try:
                    question = question_of(story, earlier, words_in(words, story.language, own), fixed.labels)
                    text = self._narrate(look(story.clips[number]), question, words, story.language)
                except TooLong as error:
                    raise InputError(str(error), sample=story.id, field=f"clips[{number}]") from None
                problem = self._judge(text, words)
                earlier.append(text.own)
            written = Written(words, fixed.labels, text.narration)
            done.append(
                WrittenClip(
                    number,
                    written,
                    fixed.labels,
                    problem=problem,
                    forgotten=text.forgotten,
                    points_dropped=text.points_dropped,
                )
            )
        return done

    def report(self) -> Mapping[str, float]:
        """See `vn.baselines.writer.Writer.report`."""
        counts: Counter[str] = Counter({**self._counts.report(), **self._asked})
        if self._translation:
            counts.update(self._translation.to_prompt.report())
            counts.update(self._translation.to_story.report())
        return {name: float(count) for name, count in sorted(counts.items())}

    def _narrate(self, seen: Seen, question: Question, words: WordRange, language: Language) -> _Answer:
        """What is written for a clip: the first answer in range, else the one whose length is nearest to it.

        Args:
            seen: what the model sees of it.
            question: what it is asked.
            words: the range of words in the story's language.
            language: the story's.
        """
        asked, own = question.words, ""
        for forgotten, dropped in less(len(question.earlier), question.points):
            turns = [self._template.ask(question.without(forgotten, dropped), self._model.plain)]
            try:
                own = self._ask(seen, turns, asked)
                break
            except TooLong:
                if (forgotten, dropped) == (len(question.earlier), question.points):
                    raise
        answers: list[_Answer] = []
        for attempt in range(self._retries + 1):
            if attempt:
                retry = self._template.retry(count_words(own, self._template.language), asked)
                turns = [*turns, self._model.plain(own), retry]
                try:
                    own = self._ask(seen, turns, asked)
                except TooLong:
                    break
                self._counts.add("length_retries")
            narration = self._translation.to_story([own])[0] if self._translation else own
            answers.append(_Answer(own, narration, count_words(narration, language), forgotten, dropped))
            if answers[-1].count in words:
                break
        return min(answers, key=lambda answer: _distance(answer.count, words))

    def _ask(self, seen: Seen, turns: Sequence[str], words: WordRange) -> str:
        most = most_tokens(words, USUAL_TOKENS)
        text = hashlib.sha256(json.dumps([seen.sha256, list(turns), most]).encode()).hexdigest()
        known = self._cache.get(self._key, [text])
        if text in known:
            self._asked["from_cache"] += 1
            return known[text].decode()
        answer = self._model.write(seen, turns, most)
        self._cache.put(self._key, {text: answer.encode()})
        self._asked["requests"] += 1
        return answer

    def _judge(self, text: _Answer, words: WordRange) -> str | None:
        """Count a narration; what is wrong with its length, if it was asked for again."""
        self._counts.add("narrations")
        if not text.narration:
            self._counts.add("empty")
        if text.count in words:
            return None
        self._counts.add("out_of_range")
        if not self._retries:
            return None
        return f"{text.count} words instead of {words.low} to {words.high}, asked {self._retries + 1} times"

    def _in_prompt_language(self, story: Story) -> Story:
        """The story with its title and knowledge in the language of the prompt."""
        if self._translation is None:
            return story
        texts = [story.title, *(text for each in story.knowledge for text in (each.aspect, *each.points))]
        found = iter(self._for_prompt(texts))
        title = next(found)
        knowledge = tuple(Knowledge(next(found), tuple(next(found) for _ in each.points)) for each in story.knowledge)
        return replace(story, title=title, knowledge=knowledge)

    def _for_prompt(self, texts: list[str]) -> list[str]:
        return self._translation.to_prompt(texts) if self._translation else texts


def words_in(words: WordRange, source: Language, to: Language) -> WordRange:
    """A range of words in another language: those of as many seconds of speech.

    >>> words_in(WordRange(22, 28), "zh", "en")
    WordRange(low=11, high=14)
    """
    share = WORDS_PER_SECOND[to] / WORDS_PER_SECOND[source]
    low = max(1, math.ceil(words.low * share))
    return WordRange(low, max(low, math.floor(words.high * share)))


def less(narrations: int, points: int) -> Iterator[tuple[int, int]]:
    """What is left out of a question until it fits: nothing, the oldest narrations, then the last points.

    >>> list(less(2, 1))
    [(0, 0), (1, 0), (2, 0), (2, 1)]
    """
    yield from ((n, 0) for n in range(narrations + 1))
    yield from ((narrations, n) for n in range(1, points + 1))


def _distance(count: int, words: WordRange) -> int:
    return max(words.low - count, count - words.high, 0)
