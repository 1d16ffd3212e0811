"""A vision-language model of transformers: frames of a clip and a dialogue in, text out.

A model with a video processor (Video-LLaVA, Qwen2.5-VL, SmolVLM) gets the frames as a video with their times, others
(LLaVA-1.5) as that many separate frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.utils import logging

from vn.baselines.clip_model import TooLong
from vn.baselines.frames import Shown, shown
from vn.baselines.plain_text import PlainText
from vn.baselines.writer import VideoContent
from vn.errors import InputError
from vn.io.hashes import hash_folder
from vn.io.loaded import check_whole, fingerprint
from vn.llm.device import device_of
from vn.story import Clip

CLOCK = 1000.0  # ticks per second: processors take a frame's time as a number of a frame at some rate
FRAMES = 8  # per clip, as Video-LLaVA was trained
TRAINED_ON_EIGHT = ("video_llava",)  # shorter clips repeat frames; others get those that there are
# Early folders of both have no chat template: turns as LLaVA-1.5's model card describes them.
V1_TURNS = (
    "{% for message in messages %}{{ 'USER: ' if message['role'] == 'user' else 'ASSISTANT: ' }}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% else %}{{ '<' + part['type'] + '>\n' }}{% endif %}{% endfor %}"
    "{{ ' ' if message['role'] == 'user' else eos_token }}{% endfor %}ASSISTANT:"
)
V1_MODELS = ("llava", "video_llava")
EXAMPLES = "such as LLaVA-1.5, Video-LLaVA, Qwen2.5-VL or SmolVLM"


class VisionModel:
    """Answers questions about frames, greedily.

    Args:
        name: a folder, or a name on the Hugging Face hub (whose files must be in its cache when offline).
        frames: how many frames of a clip it is shown; None: 8 of a video, or the middle one if it takes no videos.
        dtype: dtype of the weights, e.g. ``bfloat16``.
        device: None is CUDA if available.

    Attributes:
        id: its name without the path.
        settings: what its answers depend on.
        frames: how many frames it is shown.
        repeats: whether shorter clips repeat frames.

    Raises:
        InputError: there is no such model or device, it has no vision tower, or a file or a weight is missing.
    """

    def __init__(self, name: str, frames: int | None = None, dtype: str = "float32", device: str | None = None) -> None:
        logging.disable_progress_bar()
        self._device = device_of(device)
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._model, self._processor = load(name, self._dtype)
        self._model.to(self._device)
        kind = self._model.config.model_type
        self.video = all(
            getattr(self._processor, part, None) is not None for part in ("video_processor", "video_token")
        )
        self.frames = frames if frames is not None else FRAMES if self.video else 1
        self.repeats = kind in TRAINED_ON_EIGHT
        self._turns = None if self._processor.chat_template else V1_TURNS
        if self._turns and kind not in V1_MODELS:
            raise InputError(f"has no chat template, and the turns of a {kind} model are not known", file=name)
        self.plain: Callable[[str], str] = PlainText(self._processor.tokenizer)
        self.id = Path(name).name
        template = self._turns or str(self._processor.chat_template)
        self.settings: Mapping[str, Any] = {
            "model": self.id,
            "model_type": kind,
            "weights_sha256": _fingerprint(name, self._model),
            "chat_template_sha256": hashlib.sha256(template.encode()).hexdigest(),
            "dtype": dtype,
            "shown_as": "video" if self.video else "frames",
            "frames": self.frames,
        }

    def watch(self, content: VideoContent, sample: str) -> Callable[[Clip], Shown]:
        """See `vn.baselines.clip_model.ClipModel.watch`."""
        frames, seconds = content.rgb()
        return lambda clip: shown(frames, seconds, clip, self.frames, self.repeats, sample)

    def inputs(self, seen: Shown, turns: Sequence[str]) -> Any:
        """What the model gets: ids, and frames as its processor prepares them.

        Args:
            seen: the frames, which belong to the first turn.
            turns: the user's and the model's texts in turn, the user's first and last.
        """
        dialogue: list[dict[str, Any]] = [
            {"role": ("user", "assistant")[n % 2], "content": [{"type": "text", "text": turn}]}
            for n, turn in enumerate(turns)
        ]
        places = [{"type": "video"}] if self.video else [{"type": "image"}] * len(seen.rgb)
        dialogue[0]["content"] = [*places, *dialogue[0]["content"]]
        text = self._processor.apply_chat_template(dialogue, chat_template=self._turns, add_generation_prompt=True)
        options: dict[str, Any] = {"return_tensors": "pt"}
        start = self._processor.tokenizer.bos_token
        if start and text.startswith(start):
            options["add_special_tokens"] = False
        if self.video:
            options |= {"videos": [seen.rgb], "video_metadata": [_times(seen)], "do_sample_frames": False}
        else:
            options["images"] = [Image.fromarray(frame) for frame in seen.rgb]
        return self._processor(text=[text], **options)

    def write(self, seen: Shown, turns: Sequence[str], most: int) -> str:
        """See `vn.baselines.clip_model.ClipModel.write`."""
        inputs = self.inputs(seen, turns)
        count = inputs["input_ids"].shape[1]
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if context is not None and count + most > context:
            raise TooLong(f"a question of {count} tokens and an answer of {most} do not fit into {context}")
        with torch.inference_mode():
            written = self._model.generate(
                **inputs.to(self._device, self._dtype), max_new_tokens=most, do_sample=False, num_beams=1
            )[0, count:]
        return " ".join(self._processor.tokenizer.decode(written, skip_special_tokens=True).split())


def _times(seen: Shown) -> dict[str, Any]:
    """The times of frames in the form that video processors take: without them, all frames are at the same time."""
    height, width = seen.rgb.shape[1:3]
    return {
        "total_num_frames": max(1, round(seen.duration * CLOCK)),
        "fps": CLOCK,
        "duration": seen.duration,
        "frames_indices": np.round(seen.seconds * CLOCK).astype(int).tolist(),
        "height": height,
        "width": width,
    }


def load(name: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """A model that is shown frames, with all of its weights, and its processor.

    Raises:
        InputError: see `VisionModel`.
    """
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn of the weights that are checked here
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
        if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise InputError(
                f"a {config.model_type} model has no vision tower; take one that is shown frames, {EXAMPLES}", file=name
            )
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=False)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(
            name, dtype=dtype, output_loading_info=True, trust_remote_code=False
        )
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"its processor cannot be loaded: {error}", file=name) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"no vision-language model here: {str(error).splitlines()[0]}", file=name) from None
    finally:
        logging.set_verbosity(before)
    model, report = loaded
    check_whole([*report["missing_keys"], *(key for key, *_ in report.get("mismatched_keys", ()))], name)
    for part in ("image_processor", "tokenizer"):
        if getattr(processor, part, None) is None:
            raise InputError(f"its processor has no {part.replace('_', ' ')}", file=name)
    return model.eval().requires_grad_(False), processor


def _fingerprint(name: str, model: Any) -> str:
    """The hash of a model's folder, or for a name on the hub, of its weights."""
    return hash_folder(Path(name)) if Path(name).is_dir() else fingerprint(model)
