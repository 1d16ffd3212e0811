"""A chat model that answers what a test says, for dialogues without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vn.endpoints.chat import Message, Reply


class ScriptedChat:
    """A `vn.endpoints.chat.ChatModel`.

    Args:
        answer: dialogue, number of the request from 1 -> what it says; or a `Reply`.
    """

    id = "scripted"
    key = "scripted"
    workers = 1

    def __init__(self, answer: Callable[[Sequence[Message], int], str | Reply]) -> None:
        self.answer = answer
        self.asked: list[list[Message]] = []
        self.rooms: list[int] = []

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        self.asked.append(list(messages))
        self.rooms.append(max_tokens)
        said = self.answer(messages, len(self.asked))
        return said if isinstance(said, Reply) else Reply(said)
