"""A judge in this process: a causal language model of transformers, greedy."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.extras import require
from vn.score.judge import Answer, JudgePrompt
from vn.score.pretrained import check_whole, fingerprint

MOST_TOKENS = 64


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
        require("transformers", "torch")
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._tokenizer: Any
        self._model: Any
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            loaded: Any = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"no language model here: {str(error).splitlines()[0]}", file=name) from None
        self._model, report = loaded
        check_whole(list(report["missing_keys"]), name)
        self._model.eval()
        self._prompt = prompt
        self._lock = threading.Lock()
        self.id = f"{Path(name).name}@{fingerprint(self._model)}"
        self.key = f"local {self.id} {prompt.sha256}"

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`; the answer is the first line that the model writes."""
        import torch

        question = self._prompt.of(narration)
        if getattr(self._tokenizer, "chat_template", None):
            inputs = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": question}],
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
            )
        else:
            inputs = self._tokenizer(question, return_tensors="pt")
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        context = getattr(self._model.config, "max_position_embeddings", None)
        if context is not None and ids.shape[1] + MOST_TOKENS > context:
            raise InputError(f"the question has {ids.shape[1]} tokens, too many for its context of {context}")
        with self._lock, torch.inference_mode():
            written = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=MOST_TOKENS,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )[0, ids.shape[1] :]
        text = self._tokenizer.decode(written, skip_special_tokens=True).strip()
        return Answer(text.split("\n")[0], int(ids.shape[1]), len(written))
