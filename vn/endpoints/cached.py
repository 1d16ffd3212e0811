"""Every question is asked once: replies are kept on disk, and counted."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace

from vn.endpoints.chat import ChatModel, Message, Reply
from vn.io.disk_cache import DiskCache

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    prompt: float
    completion: float


class CachedChat:
    """A chat model whose replies are kept; a `ChatModel` itself.

    A reply is on disk before it is returned, so that a killed process never asks again for what it was answered; a
    question that several threads ask at once is asked once.

    Args:
        model: the model to ask.
        cache: keeps the replies.
        word: what it is asked for, e.g. ``captions``: begins the names of what is counted.
        price: what tokens cost; None if nobody says.
    """

    def __init__(self, model: ChatModel, cache: DiskCache, word: str = "chat", price: Price | None = None) -> None:
        self.model, self.id, self.key, self.workers = model, model.id, model.key, model.workers
        self._cache, self._word, self._price = cache, word, price
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, bool], Future[Reply]] = {}  # by question and `again`: those under way
        self._answered: set[str] = set()  # questions that the model answered in this process
        self._counts: Counter[str] = Counter(requests=0, cached=0, prompt_tokens=0, completion_tokens=0, cut=0)

    def ask(self, messages: Sequence[Message], max_tokens: int, again: bool = False) -> Reply:
        """See `ChatModel.ask`.

        Args:
            messages: the dialogue.
            max_tokens: tokens that the reply may have.
            again: ask also if there is a reply from before this process, which is then replaced.
        """
        question = digest(messages, max_tokens)
        with self._lock:
            again = again and question not in self._answered
            under_way = self._asked.get((question, again))  # one that reads the reply from before is another one
            if under_way is None:
                mine: Future[Reply] = Future()
                self._asked[question, again] = mine
        if under_way is not None:
            reply = under_way.result()
            self._count(reply, asked=False)
            return reply
        try:
            kept = question not in self._answered  # before the cache is read, or an old reply could pass as a new one
            stored = None if again else self._cache.get(self.key, [question]).get(question)
            if stored is None:
                reply = self.model.ask(messages, max_tokens)
                made = {name: value for name, value in asdict(reply).items() if name != "kept"}
                self._cache.put(self.key, {question: json.dumps(made).encode()})
                self._answered.add(question)
            else:
                reply = replace(Reply(**json.loads(stored)), kept=kept)
            self._count(reply, asked=stored is None)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(reply)
            return reply
        finally:
            with self._lock:
                del self._asked[question, again]

    def report(self) -> dict[str, float]:
        """What was counted in this process, by names that begin with the word.

        ``requests`` were answered now, and have all of the tokens, dollars, and replies that were ``cut``; ``cached``
        ones had been answered before.
        """
        with self._lock:
            counts: dict[str, float] = dict(self._counts)
        if self._price is not None:
            prompt, completion = counts["prompt_tokens"], counts["completion_tokens"]
            counts["dollars"] = (prompt * self._price.prompt + completion * self._price.completion) / MILLION
        return {f"{self._word}_{name}": count for name, count in counts.items()}

    def _count(self, reply: Reply, asked: bool) -> None:
        with self._lock:
            if not asked:
                self._counts["cached"] += 1
                return
            self._counts["requests"] += 1
            self._counts["prompt_tokens"] += reply.prompt_tokens
            self._counts["completion_tokens"] += reply.completion_tokens
            self._counts["cut"] += reply.cut


def digest(messages: Sequence[Message], max_tokens: int) -> str:
    """A hash of a question: roles, texts, frames and the number of tokens that its reply may have."""
    turns = [
        [message.role, message.text, [hashlib.sha256(frame).hexdigest() for frame in message.frames]]
        for message in messages
    ]
    return hashlib.sha256(json.dumps([turns, max_tokens]).encode()).hexdigest()
