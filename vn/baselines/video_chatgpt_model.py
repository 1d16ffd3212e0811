"""Video-ChatGPT (Maaz et al. 2023), from its paper's description: CLIP's patches, pooled, one linear layer, LLaMA.

    100 frames x 256 patches x 1024 -> mean over the patches of each frame, 100 tokens
                                    -> mean over the frames of each patch, 256 tokens -> 356 x 1024 -> linear -> LLaMA

Turns are v1's: an opening line, then ``USER: question VIDEO ASSISTANT: answer</s>``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from vn.baselines.clip_model import TooLong
from vn.baselines.frames import evenly
from vn.baselines.plain_text import PlainText
from vn.baselines.writer import VideoContent
from vn.data.encoders import encoder_entry
from vn.data.encoders.clip_patches import ClipPatches
from vn.errors import InputError
from vn.io.hashes import hash_file
from vn.io.weights import read_tensors
from vn.llm.base import BaseModel
from vn.llm.device import device_of
from vn.llm.load import load_base
from vn.llm.tokens import SegmentTokenizer
from vn.story import Clip
from vn.visual.plan import clip_frames

FRAMES = 100
OPENING = "An assistant that understands videos answers a user's questions about them, helpfully and in detail. "
PROJECTOR = "mm_projector."
UNUSED = "rotary_emb.inv_freq"  # computed, though older files have it


@dataclass(frozen=True, slots=True)
class Pooled:
    """What Video-ChatGPT sees of a clip: ``[N + T, D]`` float32, from N frames of T patches."""

    tokens: np.ndarray

    @property
    def sha256(self) -> str:
        """A hash of the tokens."""
        return hashlib.sha256(np.ascontiguousarray(self.tokens).data).hexdigest()


def pool(patches: np.ndarray) -> np.ndarray:
    """Patches ``[N, T, D]`` -> one token per frame, then one per patch: ``[N + T, D]`` float32."""
    patches = patches.astype(np.float32)
    return np.concatenate([patches.mean(axis=1), patches.mean(axis=0)])


class Patches(Protocol):
    """Where the patches of a video's frames come from.

    Attributes:
        encoder: what they depend on, as in manifests.
    """

    encoder: Mapping[str, Any]

    def open(self, content: VideoContent) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        """From indices of frames to their patches ``[n, T, D]``, and all frames' seconds ``[F]``."""


class StoredPatches:
    """Patches that ``vn prepare --encoder clip-l14-patches`` stored; `encoder` is the manifest's."""

    def __init__(self, encoder: Mapping[str, Any]) -> None:
        self.encoder = encoder

    def open(self, content: VideoContent) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        """See `Patches.open`."""
        features, seconds = content.features()
        return lambda indices: features[indices], seconds


class EncodedPatches:
    """Patches that are computed from frames, on CUDA if available."""

    def __init__(self, encoder: ClipPatches, device: str | None = None) -> None:
        self._encoder = encoder.to(device_of(device))
        self.encoder: Mapping[str, Any] = encoder_entry(encoder)

    def open(self, content: VideoContent) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        """See `Patches.open`."""
        frames, seconds = content.rgb()
        encoder = self._encoder

        def encode(indices: np.ndarray) -> np.ndarray:
            inputs = np.stack([encoder.shrink(frames[i]) for i in indices])
            size = encoder.batch_size
            return np.concatenate([encoder.encode(inputs[n : n + size]) for n in range(0, len(inputs), size)])

        return encode, seconds


class VideoChatGpt:
    """See `vn.baselines.clip_model.ClipModel`.

    Args:
        base_model: LLaMA or Vicuna, as for `vn.llm.load.load_base`.
        projector: file with ``mm_projector.weight`` ``[H, D]`` and ``.bias``, and, if it was fine-tuned as a whole,
            the language model's weights.
        patches: where patches come from.
        dtype: dtype of the weights.
        device: None is CUDA if available.

    Raises:
        InputError: there is no such model or file, or the file has other weights than these two.
    """

    def __init__(
        self, base_model: str, projector: Path, patches: Patches, dtype: str = "float32", device: str | None = None
    ) -> None:
        base: Any = load_base(base_model, dtype)
        self._device = device_of(device)
        self._projector, tuned = read_projector(projector, base)
        self._llm = base.llm.to(self._device).eval().requires_grad_(False)
        self._llm.set_attn_implementation("sdpa")
        self._llm.config.use_cache = True
        self._projector.to(self._device)
        self._patches = patches
        self.tokens = SegmentTokenizer(base.tokenizer, base.added)
        self.plain: Callable[[str], str] = PlainText(base.tokenizer)
        self.id = f"Video-ChatGPT ({Path(projector).stem})"
        self.settings: Mapping[str, Any] = {
            "base_model": Path(base_model).name,
            "base_model_sha256": base.sha256,
            "encoder": dict(patches.encoder),
            "projector_sha256": hash_file(projector),
            "language_model_weights_replaced": tuned,
            "frames": FRAMES,
            "dtype": dtype,
        }

    def watch(self, content: VideoContent, sample: str) -> Callable[[Clip], Pooled]:
        """See `vn.baselines.clip_model.ClipModel.watch`; 100 frames per clip, repeated if there are fewer."""
        patches, seconds = self._patches.open(content)

        def look(clip: Clip) -> Pooled:
            here = clip_frames(seconds, clip.start, clip.end)
            if not len(here):
                raise InputError("has no frames to show", sample=sample)
            found = patches(here)  # each once
            if found.ndim != 3 or found.shape[2] != self._projector.in_features:
                message = f"patches of width {found.shape[-1]}, but the projector takes {self._projector.in_features}"
                raise InputError(message, sample=sample)
            return Pooled(pool(found[evenly(len(here), FRAMES)]))

        return look

    def embeddings(self, seen: Pooled, turns: Sequence[str]) -> Tensor:
        """What the language model reads: ``[1, N, H]``."""
        encode = self.tokens.encode
        ids: list[int] = [*self.tokens.start, *encode(OPENING)]
        place = 0
        end = self.tokens.tokenizer.eos_token_id
        for n, turn in enumerate(turns):
            if n % 2:
                ids += [*encode(" " + turn), *([] if end is None else [end])]
                continue
            ids += [*encode("USER: "), *encode(turn)]
            if not n:
                ids += encode("\n")
                place = len(ids)
            ids += encode(" ASSISTANT:")
        embed = self._llm.get_input_embeddings()
        text = embed(torch.tensor(ids, device=self._device))
        video = self._projector(torch.from_numpy(seen.tokens).to(self._device, self._projector.weight.dtype))
        return torch.cat([text[:place], video.to(text.dtype), text[place:]])[None]

    def write(self, seen: Pooled, turns: Sequence[str], most: int) -> str:
        """See `vn.baselines.clip_model.ClipModel.write`."""
        with torch.inference_mode():
            inputs = self.embeddings(seen, turns)
            context = getattr(self._llm.config, "max_position_embeddings", None)
            if context is not None and inputs.shape[1] + most > context:
                what = f"a question of {inputs.shape[1]} tokens and an answer of {most}"
                raise TooLong(f"{what} do not fit into {context}")
            written = self._llm.generate(
                inputs_embeds=inputs,
                attention_mask=torch.ones(inputs.shape[:2], dtype=torch.long, device=self._device),
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                pad_token_id=self.tokens.pad,
            )[0]
        return self.tokens.narration(written.tolist())


def read_projector(file: Path, base: BaseModel) -> tuple[nn.Linear, int]:
    """The projector of a file; weights of the language model in it replace the base model's.

    Rows of the embeddings and of the head after the base model's are of tokens that marked the video's place: unused.

    Returns:
        The projector, and how many of the language model's weights were replaced.

    Raises:
        InputError: the projector is missing or has another width, or a weight is of neither.
    """
    found: dict[str, Tensor] = {}
    rest: dict[str, Tensor] = {}
    for name, tensor in read_tensors(file).items():
        if PROJECTOR in name:
            found[name.split(PROJECTOR)[1]] = tensor
        elif not name.endswith(UNUSED):
            rest[name] = tensor
    llm: Any = base.llm
    width = int(llm.get_input_embeddings().weight.shape[1])
    weight, bias = found.get("weight"), found.get("bias")
    if set(found) != {"weight", "bias"} or weight is None or bias is None or weight.dim() != 2:
        raise InputError("expected mm_projector.weight and mm_projector.bias", file=file)
    if weight.shape[0] != width or bias.shape != weight.shape[:1]:
        message = f"the projector leads to a width of {weight.shape[0]}, but the language model's is {width}"
        raise InputError(message, file=file)
    projector = nn.Linear(weight.shape[1], width)
    projector.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    _replace(base.llm, rest, file)
    return projector.requires_grad_(False), len(rest)


def _replace(llm: nn.Module, weights: Mapping[str, Tensor], file: Path) -> None:
    """Replace weights of a language model by name."""
    own = llm.state_dict()
    for name, tensor in weights.items():
        if name not in own:
            raise InputError(f"{name} is a weight of neither the projector nor the language model", file=file)
        if tensor.shape[0] > own[name].shape[0] and name.endswith(("embed_tokens.weight", "lm_head.weight")):
            tensor = tensor[: own[name].shape[0]]
        if tensor.shape != own[name].shape:
            message = f"{name} is {list(tensor.shape)}, but the language model's is {list(own[name].shape)}"
            raise InputError(message, file=file)
        own[name].copy_(tensor)
