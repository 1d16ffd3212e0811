"""What a chat model is: messages in, one reply out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a dialogue.

    Attributes:
        role: whose turn it is.
        text: its text.
        frames: frames of a video that come before the text, each a JPEG file's bytes.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    frames: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered, as it is.

    Attributes:
        text: its text; empty if it gave none.
        prompt_tokens: tokens of the question, 0 if they are not counted.
        completion_tokens: tokens of the reply, likewise.
        cut: whether it ended because it had as many tokens as it may.
        kept: whether it is from a cache, and was there before this process.
    """

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut: bool = False
    kept: bool = False


class ChatModel(Protocol):
    """Answers a dialogue, greedily: the same dialogue is meant to give the same reply.

    Attributes:
        id: name of the model, without its URL, for configurations and scores.
        key: key of its replies in a cache: everything that they depend on besides the messages and `max_tokens`.
        workers: how many dialogues it answers at once; `ask` is called from that many threads.
    """

    id: str
    key: str
    workers: int

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """The reply to a dialogue whose last turn is the user's.

        Raises:
            InputError: the model cannot be reached, refuses, or cannot take so long a dialogue.
        """
