"""Questions whose reply is a JSON object: checked here, since servers ignore formats; asked twice at most."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vn.annotate.stage import Before, RawVideo, StageFailed
from vn.annotate.text.prompt import Prompt
from vn.endpoints.cached import CachedChat
from vn.endpoints.chat import Message
from vn.errors import InputError, show
from vn.io.retries import Unreachable

T = TypeVar("T")
_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
MOST_TOKENS = 8192  # tokens that a reply may have


class Fault(Exception):
    """A reply that is not as it was asked for: in words, for the model and for people."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a question.

    Attributes:
        value: what the reply holds; None if it could not be used, and neither could the second one.
        fault: what was wrong with the last reply; None if nothing was.
    """

    value: T | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question, and how its reply is read.

    Attributes:
        prompt: how it is asked once more.
        messages: the question.
        max_tokens: tokens that the reply may have; the second one may have twice as many if the first was cut.
        read: reads the JSON object of a reply; raises `Fault` if it is not as it was asked for.
    """

    prompt: Prompt
    messages: Sequence[Message]
    max_tokens: int
    read: Callable[[Any], T]


def ask(chat: CachedChat, question: Question[T], again: bool = False) -> Answer[T]:
    """Ask a question, and once more with the fault named if the reply is bad.

    Args:
        chat: the model.
        question: the question.
        again: whether the model is asked again if both replies were kept from before, and are bad.

    Raises:
        StageFailed: the model cannot be reached, or refuses all questions.
    """
    answer, kept = _twice(chat, question, False)
    if answer.value is None and kept and again:
        answer, _ = _twice(chat, question, True)
    return answer


def _twice(chat: CachedChat, question: Question[T], again: bool) -> tuple[Answer[T], bool]:
    """What comes of at most two replies, and whether all of them were kept from before."""
    fault, asked, most, kept = "", list(question.messages), min(question.max_tokens, MOST_TOKENS), True
    for _ in range(2):
        try:
            reply = chat.ask(asked, most, again)
        except Unreachable as error:
            raise StageFailed(f"{chat.id}: {error}", field=f"--{question.prompt.stage}") from None
        except InputError as error:  # this question alone: it is too long, or the vendor does not answer it
            return Answer(None, fault or str(error)), False
        kept = kept and reply.kept
        try:
            if reply.cut:
                raise Fault("it was cut off, since it was too long")
            return Answer(question.read(object_of(reply.text))), kept
        except Fault as error:
            fault = str(error)
        asked = question.prompt.once_more(question.messages, reply.text, fault)
        most = min(2 * most, MOST_TOKENS) if reply.cut else most
    return Answer(None, fault), kept


def object_of(text: str) -> dict[str, Any]:
    """The JSON object that a reply is; around it may be a code fence, and nothing else.

    Raises:
        Fault: it is something else, or has a name twice.
    """
    text = text.strip()
    fence = _FENCE.fullmatch(text)
    try:
        value = json.loads(fence[1] if fence else text, object_pairs_hook=_once)
    except (ValueError, RecursionError):  # prose, JSON that ends early, a number of thousands of digits
        raise Fault("it is not one JSON object") from None
    if not isinstance(value, dict):
        raise Fault("it is not a JSON object")
    return value


def clips_of(value: Mapping[str, Any], clips: Sequence[int]) -> dict[int, Any]:
    """What an object has for each clip.

    Args:
        value: a reply, by numbers from 1.
        clips: the clips that were asked about, from 0.

    Raises:
        Fault: a clip is missing, or there is one that was not asked about.
    """
    wanted = {str(clip + 1): clip for clip in clips}
    if more := [name for name in value if name not in wanted]:
        raise Fault(f"there is no clip {show(more[0])} in the question")
    if missing := [name for name in wanted if name not in value]:
        raise Fault(f"clip {missing[0]} is missing")
    return {clip: value[name] for name, clip in wanted.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Fault("it has a name twice")
    return found


class Questions(Generic[T]):
    """Asks about many videos at once, before a stage takes the answers one by one.

    Args:
        workers: how many at once.
        ask: asks about one video.

    Attributes:
        seconds: how long was waited for answers.
    """

    def __init__(self, workers: int, ask: Callable[[RawVideo, Before], T]) -> None:
        self._workers, self._ask = workers, ask
        self._answers: dict[str, T] = {}
        self.seconds = 0.0

    def ask_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """Ask about videos; one whose question fails is asked about again by `of`.

        Raises:
            StageFailed: the model cannot be reached; no further question is sent.
        """
        begun = time.perf_counter()
        with ThreadPoolExecutor(self._workers) as pool:
            futures = {video.id: pool.submit(self._ask, video, before) for video, before in videos}
            try:
                for name, future in futures.items():
                    try:
                        self._answers[name] = future.result()
                    except StageFailed:
                        raise
                    except InputError:  # named again, with its video, when its turn comes
                        continue
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
            finally:
                self.seconds += time.perf_counter() - begun

    def of(self, video: RawVideo, before: Before) -> T:
        """The answer about a video."""
        if video.id in self._answers:
            return self._answers.pop(video.id)
        begun = time.perf_counter()
        try:
            return self._ask(video, before)
        finally:
            self.seconds += time.perf_counter() - begun
