"""Judges of script labels: models that read a narration and name its labels (docs/method.md#script-label-accuracy).

A judge answers in words, which are stored as they are, on disk, one by one: a run that is killed continues from there,
and parsing the answers again costs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from vn.errors import InputError
from vn.io.disk_cache import DiskCache
from vn.io.files import read_yaml
from vn.story import Labels, Language, ScriptLabel, parse_labels

PROMPTS = Path(__file__).with_name("judge.yaml")
SHOWN = 60  # characters of an answer in a message
MOST_TOKENS = 64  # tokens of an answer: three labels
BATCH = 1000  # narrations that a `BatchJudge` is asked about at once


@dataclass(frozen=True)
class Answer:
    """A judge's answer about one narration, and the tokens it took (0 if they are not counted)."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Judge(Protocol):
    """Decides which of the 12 labels a narration has.

    Attributes:
        id: its name; accuracies of different judges are never compared.
        key: key of its answers in the cache: everything that they depend on besides the narration.
        workers: how many narrations it takes at once.
    """

    id: str
    key: str
    workers: int

    def ask(self, narration: str) -> Answer:
        """Label one narration; called from several threads at once.

        Raises:
            InputError: the judge cannot be reached, or refuses.
        """


@runtime_checkable
class BatchJudge(Judge, Protocol):
    """A judge in this process that labels many narrations faster at once."""

    def ask_all(self, narrations: Sequence[str]) -> list[Answer]:
        """Label narrations, as `Judge.ask` does each."""


@dataclass(frozen=True)
class Cost:
    """What judging cost: narrations asked about now, answers from the cache, and all tokens of both."""

    asked: int
    cached: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Verdicts:
    """A judge's labels of texts.

    Attributes:
        judge: its id.
        labels: text -> its labels; None if the answer was not a list of labels.
        unread: text -> the answer that was not one.
        cost: cost of judging.
    """

    judge: str
    labels: dict[str, Labels | None]
    unread: dict[str, str]
    cost: Cost


class JudgePrompt:
    """The question that a language model is asked.

    Args:
        language: language of narrations and labels.
        file: a YAML file like ``judge.yaml``, whose comments explain the format.

    Raises:
        InputError: the file has no text for this language, or no placeholder for the narration.
    """

    def __init__(self, language: Language, file: str | Path = PROMPTS) -> None:
        texts = read_yaml(file)
        template = texts.get(language) if isinstance(texts, dict) else None
        if not isinstance(template, str):
            raise InputError("expected a text", file=file, field=language)
        self.template = template
        for place in ("{definitions}", "{narration}"):
            if self.template.count(place) != 1:
                raise InputError(f"expected {place} once", file=file, field=language)
        self.definitions = "\n".join(f"{label.text(language)}: {label.definition(language)}" for label in ScriptLabel)
        self.sha256 = hashlib.sha256(self.of("").encode()).hexdigest()

    def of(self, narration: str) -> str:
        """The question about one narration."""
        before, after = self.template.replace("{definitions}", self.definitions).rsplit("{narration}", 1)
        return f"{before}{narration}{after}".strip()


def judge_texts(
    judge: Judge, texts: Iterable[str], cache: DiskCache, on_answer: Callable[[int, int], None] = lambda done, of: None
) -> Verdicts:
    """Ask about each text once, except those whose answers are in the cache.

    Args:
        judge: the judge to ask.
        texts: narrations, none of them empty.
        cache: takes each answer as it comes.
        on_answer: called with the number of texts that have their answer.

    Raises:
        InputError: the judge failed; answers until then are kept.
    """
    wanted = list(dict.fromkeys(texts))
    answers = {text: Answer(**json.loads(value)) for text, value in cache.get(judge.key, wanted).items()}
    cached = len(answers)
    missing = [text for text in wanted if text not in answers]

    if isinstance(judge, BatchJudge):
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            made = dict(zip(part, judge.ask_all(part), strict=True))
            cache.put(judge.key, {text: _stored(answer) for text, answer in made.items()})
            answers |= made
            on_answer(len(answers), len(wanted))
    else:
        _ask_each(judge, missing, answers, cache, lambda done: on_answer(done, len(wanted)))
    labels = {text: read_answer(answers[text].text) for text in wanted}
    cost = Cost(
        asked=len(missing),
        cached=cached,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers.values()),
        completion_tokens=sum(answer.completion_tokens for answer in answers.values()),
    )
    unread = {text: answers[text].text[:SHOWN] for text in wanted if labels[text] is None}
    return Verdicts(judge.id, labels, unread, cost)


def _ask_each(
    judge: Judge,
    missing: Sequence[str],
    answers: dict[str, Answer],
    cache: DiskCache,
    on_answer: Callable[[int], None],
) -> None:
    """Ask about each of `missing`, several at once, and add to `answers`; the first fault stops all."""
    before = len(answers)
    wanted = before + len(missing)
    faults: list[BaseException] = []  # the first one stops all at once: requests may cost money

    def ask(text: str) -> Answer:
        if faults:
            raise CancelledError
        try:
            answer = judge.ask(text)
        except BaseException as error:
            faults.append(error)
            raise
        cache.put(judge.key, {text: _stored(answer)})
        return answer

    with ThreadPoolExecutor(judge.workers) as pool:
        futures = {pool.submit(ask, text): text for text in missing}
        try:
            for future in as_completed(futures):
                answers[futures[future]] = future.result()
                on_answer(len(answers))
        except BaseException as error:
            pool.shutdown(wait=True, cancel_futures=True)  # those under way are still kept
            fault = faults[0] if isinstance(error, CancelledError) else error
            if isinstance(fault, InputError):
                kept = before + len(cache.get(judge.key, missing))
                message = f"the judge {judge.id} failed with {kept} of {wanted} judged, which are kept: {fault}"
                raise InputError(message) from None
            raise fault from None


def _stored(answer: Answer) -> bytes:
    return json.dumps(asdict(answer)).encode()


def read_answer(answer: str) -> Labels | None:
    """The labels of an answer, read strictly: names of labels joined by ``+``, at most with a full stop or quotes.

    >>> [label.name for label in read_answer(' "Sore Point + Product Trial". ')]
    ['SORE_POINT', 'TRIAL']
    >>> read_answer("I think it is a Sore Point") is None
    True
    """
    try:
        return parse_labels(answer.strip().rstrip(".。").strip("\"'“”「」` ")) or None
    except InputError:
        return None
