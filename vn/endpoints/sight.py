"""Whether an endpoint shows its model the frames that it is sent: some leave them out without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vn.endpoints.chat import ChatModel, Message, Reply
from vn.io.retries import Unreachable


def check_sight(chat: ChatModel, messages: Sequence[Message], reply: Reply) -> None:
    """Raise if a question with frames has no more tokens than the same question without them.

    That one is asked here; an endpoint that counts no tokens is not checked.

    Args:
        chat: the model.
        messages: a question with frames.
        reply: its reply.

    Raises:
        Unreachable: the model was not shown the frames.
    """
    if not reply.prompt_tokens:
        return
    without = chat.ask([replace(message, frames=()) for message in messages], 1)
    if reply.prompt_tokens <= without.prompt_tokens:
        message = f"{chat.id} was not shown the frame that was sent: its endpoint counts {reply.prompt_tokens} tokens"
        raise Unreachable(f"{message} of the question, as many as without it; it needs a model with a vision tower")
