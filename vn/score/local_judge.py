"""A judge in this process: a causal language model of transformers, greedy."""

from __future__ import annotations

from vn.endpoints.chat import Message
from vn.endpoints.local_chat import LocalChat
from vn.score.judge import MOST_TOKENS, Answer, JudgePrompt


class LocalJudge:
    """See `vn.score.judge.Judge`.

    Args:
        name: a folder, or a name on the Hugging Face hub.
        prompt: what it is asked; as a chat if the tokenizer has a chat template.

    Raises:
        InputError: there is no such model, or some of its weights are missing.
    """

    workers = 1

    def __init__(self, name: str, prompt: JudgePrompt) -> None:
        self.chat = LocalChat(name)
        self._prompt = prompt
        self.id = self.chat.id
        self.key = f"local {self.id} {prompt.sha256}"

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`; the answer is the first line that the model writes."""
        reply = self.chat.ask([Message("user", self._prompt.of(narration))], MOST_TOKENS)
        return Answer(reply.text.split("\n")[0], reply.prompt_tokens, reply.completion_tokens)
