"""A trained narrator's language model for others: merged weights, or a PEFT adapter, that stock libraries load.

Golden prompts are replayed through what was written, loaded the way anybody would load it: the logits must equal
the narrator's, up to rounding of the weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from vn.adapter import Assembly, save_adapter
from vn.card import note_base
from vn.errors import InputError
from vn.io.hashes import hash_folder
from vn.llm.lora import merge_lora, untie
from vn.llm.packing import Batch, collate
from vn.settings import LoraSettings
from vn.story import Story
from vn.tokenizer.pieces import TOKENIZER, SentencePieceTokenizer, stock_tokenizer

BOUNDS = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 8e-2}
"""The largest allowed difference of a logit, as a share of the largest logit, by the dtype of the weights."""

NARRATOR = "narrator"  # the folder beside merged weights with everything except the language model
BASE = "base"  # the folder beside an adapter with a base model that stock libraries cannot take as it is


@dataclass(frozen=True, slots=True)
class Golden:
    """Prompts with their answers, ready for any model of the same shape.

    Attributes:
        batch: rows; their supervised positions are compared.
        visual: ``[N, H]`` visual tokens.
        logits: ``[S, vocabulary]`` of the narrator, float32.
        texts: narrations with their ids by the narrator's tokenizer.
    """

    batch: Batch
    visual: Tensor
    logits: Tensor
    texts: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Replay:
    """What replaying golden prompts gave.

    Attributes:
        places: number of predicted tokens compared.
        largest: largest difference of a logit.
        scale: the largest logit.
        same_choice: share of these with the same most likely token.
        texts: how many texts were tokenised, and how many of them to the same ids.
    """

    places: int
    largest: float
    scale: float
    same_choice: float
    texts: tuple[int, int]


def golden(assembly: Assembly, stories: Sequence[Story], seed: int = 0) -> Golden:
    """Prompts of stories, with frames drawn from the feature statistics, and the narrator's logits for them.

    Args:
        assembly: the narrator; LoRA need not be merged.
        stories: stories with narrations, whose tokens are compared.
        seed: random seed of the frames.
    """
    random = np.random.default_rng(seed)
    card, builder = assembly.card, assembly.builder
    mean, std = (getattr(assembly.narrator, name).numpy() for name in ("mean", "std"))
    rows: list[Any] = []
    videos: list[np.ndarray] = []
    for story in stories:
        count = max(1, int(np.ceil(max(clip.end for clip in story.clips))))
        frames = (random.normal(size=(count, card.tokens, card.width)) * std + mean).astype(np.float16)
        seconds = np.arange(count, dtype=np.float32)
        rows += [
            (len(videos), builder.training_row(story, builder.plan(story, frames, seconds, clip), clip))
            for clip in story.narrated
        ]
        videos.append(frames)
    if not rows:
        raise InputError("there is no narrated clip to make golden prompts of", field="--golden")
    batch = collate(rows, videos, builder.frame_tokens, builder.tokens.pad)
    texts = [story.clips[i].narration or "" for story in stories for i in story.narrated]
    with torch.inference_mode():
        visual = assembly.narrator.visual_tokens(batch.frames, batch.weights, batch.clip_positions)
        logits = _logits(assembly.narrator.llm, batch, visual)
    return Golden(batch, visual, logits, {text: _ids(assembly.base.tokenizer, text) for text in texts})


def replay(prompts: Golden, model: Any, tokenizer: Any, dtype: str) -> Replay:
    """Replay golden prompts.

    Args:
        prompts: prompts with the logits to compare with.
        model: a stock causal language model, or a stock `PeftModel`.
        tokenizer: the stock tokenizer beside it.
        dtype: dtype of the written weights.

    Raises:
        InputError: a logit differs by more than rounding explains.
    """
    with torch.inference_mode():
        logits = _logits(model.eval(), prompts.batch, prompts.visual)
    largest = float((logits - prompts.logits).abs().max())
    scale = float(prompts.logits.abs().max())
    if not largest <= BOUNDS[dtype] * scale:
        raise InputError(
            f"replayed golden prompts differ by up to {largest:.3g}, more than {dtype} rounds (logits: {scale:.3g})"
        )
    same = float((logits.argmax(-1) == prompts.logits.argmax(-1)).float().mean())
    equal = sum(_ids(tokenizer, text) == ids for text, ids in prompts.texts.items())
    return Replay(len(logits), largest, scale, same, (len(prompts.texts), equal))


def write_merged(assembly: Assembly, folder: Path, final: Path, dtype: str, shard_size: str) -> None:
    """Write the language model with LoRA merged in, its tokenizer, and the rest of the narrator beside them.

    Args:
        assembly: the narrator, with LoRA not merged yet; it must not be used afterwards.
        folder: where to write.
        final: where the folder will be in the end, which the narrator's card names as its base model.
        dtype: dtype of the written weights.
        shard_size: size of a safetensors file at most, e.g. ``5GB``.
    """
    narrator = assembly.narrator
    if isinstance(narrator.llm, PeftModel):
        narrator.llm = merge_lora(narrator.llm)
    _save_base(assembly, folder, dtype, shard_size)
    card = dataclasses.replace(
        assembly.card, base_model=str(final.resolve()), base_sha256=hash_folder(folder), lora=LoraSettings(rank=0)
    )
    save_adapter(folder / NARRATOR, dataclasses.replace(assembly, card=card))
    note_base(folder / NARRATOR, final / NARRATOR)


def write_peft(assembly: Assembly, folder: Path, final: Path, dtype: str, shard_size: str) -> None:
    """Write a PEFT adapter, which is an adapter folder of ours as well.

    Args:
        assembly: the narrator, with LoRA not merged.
        folder: where to write.
        final: where the folder will be in the end.
        dtype: dtype of a base model that has to be written too, because stock transformers cannot read its
            tokenizer, or because LoRA is on a layer that shares its weight with another one, which stock PEFT
            would merge wrongly.
        shard_size: size of its safetensors files at most.

    Raises:
        InputError: the narrator has no LoRA.
    """
    llm = assembly.narrator.llm
    if not isinstance(llm, PeftModel):
        raise InputError("the narrator has no LoRA: take --to merged", field="--to")
    where = assembly.base.folder
    base = str(Path(where).resolve()) if Path(where).is_dir() else where
    card = assembly.card
    unread = (
        isinstance(assembly.base.tokenizer, SentencePieceTokenizer) and not (Path(base) / "tokenizer.json").exists()
    )
    if untie(llm) or unread:
        write_base(assembly, folder / BASE, dtype, shard_size)
        base = str((final / BASE).resolve())
        card = dataclasses.replace(card, base_model=base, base_sha256=hash_folder(folder / BASE), dtype=dtype)
    llm.peft_config["default"].base_model_name_or_path = base
    inner = folder / (NARRATOR + ".part")
    save_adapter(inner, dataclasses.replace(assembly, card=card))
    for file in inner.iterdir():
        file.rename(folder / file.name)
    inner.rmdir()
    note_base(folder, final)
    _save_tokenizer(assembly, folder)


def write_base(assembly: Assembly, folder: Path, dtype: str, shard_size: str) -> None:
    """Write the base model alone, without any adapters around its layers."""
    llm = assembly.base.llm
    plain = AutoModelForCausalLM.from_config(llm.config, dtype=getattr(torch, dtype))
    state = {k.replace(".base_layer.", "."): v for k, v in llm.state_dict().items() if ".lora_" not in k}
    plain.load_state_dict(state)
    _save_base(
        dataclasses.replace(assembly, base=dataclasses.replace(assembly.base, llm=plain)), folder, dtype, shard_size
    )


def load_merged(folder: Path, dtype: str) -> tuple[Any, Any]:
    """Model and tokenizer as stock transformers reads them."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)), AutoTokenizer.from_pretrained(
        folder
    )


def load_peft(folder: Path, dtype: str) -> tuple[Any, Any]:
    """Model and tokenizer as stock PEFT reads them."""
    from peft import PeftConfig

    base = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if (folder / BASE).is_dir():
        base = str(folder / BASE)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=getattr(torch, dtype))
    return PeftModel.from_pretrained(model, str(folder)), AutoTokenizer.from_pretrained(folder)


WRITERS: dict[str, tuple[Callable[..., None], Callable[..., tuple[Any, Any]]]] = {
    "merged": (write_merged, load_merged),
    "peft": (write_peft, load_peft),
}


def _logits(model: Any, batch: Batch, visual: Tensor) -> Tensor:
    """Float32 logits that predict the supervised tokens, row by row, so that only one row's are in memory."""
    base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    embedding, head = base.get_input_embeddings(), base.get_output_embeddings()
    words = embedding(batch.ids)
    inputs = words.flatten(0, 1).index_copy(0, batch.visual_index, visual.to(words.dtype)).view_as(words)
    length = inputs.shape[1]
    parts = []
    for row in range(len(inputs)):
        places = batch.target_index[batch.target_index // length == row] % length - 1
        end = int(batch.mask[row].sum())
        hidden = base.get_decoder()(
            inputs_embeds=inputs[row : row + 1, :end],
            attention_mask=batch.mask[row : row + 1, :end],
            position_ids=batch.position_ids[row : row + 1, :end],
            use_cache=False,
        ).last_hidden_state
        parts.append(head(hidden[0, places]).float())
    return torch.cat(parts)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _save_base(assembly: Assembly, folder: Path, dtype: str, shard_size: str) -> None:
    llm = assembly.base.llm.to(getattr(torch, dtype))
    llm.config.dtype = dtype
    llm.config.use_cache = True
    llm.save_pretrained(folder, max_shard_size=shard_size)
    _save_tokenizer(assembly, folder)


def _save_tokenizer(assembly: Assembly, folder: Path) -> None:
    tokenizer = assembly.base.tokenizer
    if isinstance(tokenizer, SentencePieceTokenizer):
        stock_tokenizer(tokenizer).save_pretrained(folder)
        (folder / TOKENIZER).write_bytes(Path(str(tokenizer.vocab_file)).read_bytes())
    else:
        tokenizer.save_pretrained(folder)
