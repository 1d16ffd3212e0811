"""Trains the `tiny` base language model (`vn.demo.tiny_llama`) on text (`vn.demo.prose`), in minutes.

The result is a plain Hugging Face folder (`config.json`, `model.safetensors`, tokenizer files).
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from vn.demo import chinese, chinese_prose, english, english_prose, grammar, phrases, product, prose, tiny_llama
from vn.demo.cached import fingerprint
from vn.demo.english import ENGLISH
from vn.demo.prose import Prose
from vn.demo.tiny_llama import BaseLMSettings, initial_model, train_tokenizer
from vn.demo.vocabulary import Vocabulary
from vn.io.atomic import atomic_write

MARKER = "base_lm.json"  # written last: a folder without it is incomplete


@dataclass(frozen=True, slots=True)
class BaseLM:
    """A trained base model.

    Attributes:
        folder: path for ``AutoModelForCausalLM.from_pretrained``.
        loss: mean over the last twentieth of the steps, in nats per token.
        cached: whether it existed already.
    """

    folder: Path
    loss: float
    cached: bool


def train_base_lm(
    folder: str | Path,
    steps: int,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    vocabulary: Vocabulary = ENGLISH,
    settings: BaseLMSettings | None = None,
) -> BaseLM:
    """Train the tiny base model, unless it exists already, made from the same code and settings.

    Args:
        folder: the model's folder; an incomplete or different model there is replaced.
        steps: optimizer steps.
        seed: random seed of the text and the weights.
        progress: called with the steps done and all steps.
        vocabulary: the words of the text.
        settings: everything else.
    """
    folder, settings = Path(folder), settings or BaseLMSettings()
    made_from = fingerprint(
        *_sources(), steps=steps, seed=seed, language=vocabulary.language, settings=asdict(settings)
    )
    marker = folder / MARKER
    if marker.exists() and (made := json.loads(marker.read_text("utf-8")))["made_from"] == made_from:
        return BaseLM(folder, made["loss"], cached=True)
    if folder.exists():
        marker.unlink(missing_ok=True)
        shutil.rmtree(folder)
    writer = Prose(vocabulary, seed)
    tokenizer = train_tokenizer(writer, settings)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the model is too small for more
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            llm = initial_model(tokenizer, settings)
            loss = _train(llm, tokenizer, writer, steps, settings, progress)
    finally:
        torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()  # it would last a second
    llm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with atomic_write(marker) as file:
        file.write(json.dumps({"made_from": made_from, "steps": steps, "seed": seed, "loss": loss}).encode())
    return BaseLM(folder, loss, cached=False)


def _sources() -> tuple[ModuleType, ...]:
    import vn.demo.base_lm as this

    return this, tiny_llama, english, english_prose, chinese, chinese_prose, grammar, phrases, prose, product


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]
    positions: list[int]


def _rows(
    writer: Prose, tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings, count: int, hardness: float
) -> list[_Row]:
    """Documents as token ids, one per row, with gaps between their paragraphs."""
    documents = writer.documents(count, hardness)
    paragraphs = [paragraph for document in documents for paragraph in document]
    encoded = iter(tokenizer(paragraphs, add_special_tokens=False)["input_ids"])
    rows = []
    for document in documents:
        ids, positions, shift = [tokenizer.bos_token_id], [0], 0
        for number, _ in enumerate(document):
            piece = next(encoded)
            # Half of the paragraphs follow without a gap, as in most text.
            shift += writer.rng.randint(0, settings.gap) if number and writer.rng.random() < 0.5 else 0
            start = len(ids) + shift
            positions += range(start, start + len(piece))
            ids += piece
        rows.append(_Row([*ids, tokenizer.eos_token_id], [*positions, positions[-1] + 1]))
    return rows


def _batches(
    writer: Prose, tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings, steps: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Padded ids, positions and mask ``[batch, longest row]`` per step; rows of similar length are batched together."""
    pool = 32  # steps whose documents are written at once
    for first in range(0, steps, pool):
        many = min(pool, steps - first)
        hardness = min(1.0, first / steps / settings.full_hardness)
        rows = _rows(writer, tokenizer, settings, many * settings.batch, hardness)
        rows.sort(key=lambda row: len(row.ids))
        order = list(range(many))
        writer.rng.shuffle(order)
        for number in order:
            batch = rows[number * settings.batch : (number + 1) * settings.batch]
            longest = len(batch[-1].ids)
            ids = torch.full((len(batch), longest), tokenizer.pad_token_id)
            positions = torch.zeros_like(ids)
            for i, row in enumerate(batch):
                ids[i, : len(row.ids)] = torch.tensor(row.ids)
                positions[i, : len(row.ids)] = torch.tensor(row.positions)
            lengths = torch.tensor([len(row.ids) for row in batch])
            yield ids, positions, torch.arange(longest) < lengths[:, None]


def _interchangeable(writer: Prose, tokenizer: PreTrainedTokenizerFast) -> list[Tensor]:
    """The tokens of each attribute's values, if the text treats them alike (`ProseTexts.even`)."""
    if not writer.texts.even:
        return []
    values = [list(words.values()) for words in writer.vocabulary.attributes.values()]
    encoded = [tokenizer(words, add_special_tokens=False)["input_ids"] for words in values]
    return [torch.tensor([word[0] for word in words]) for words in encoded]


def _move_together(embeddings: Tensor, groups: list[Tensor]) -> None:
    """Give the embeddings of a group of tokens the mean of their gradients.

    The text chooses between the values of an attribute at random, so only noise distinguishes their embeddings, and
    training draws them together until a narrator's frozen base model can hardly write one rather than another
    (EXPERIMENTS.md). With one gradient they keep their initial differences.
    """
    assert embeddings.grad is not None
    for ids in groups:
        embeddings.grad[ids] = embeddings.grad[ids].mean(dim=0)


def _train(
    llm: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    writer: Prose,
    steps: int,
    settings: BaseLMSettings,
    progress: Callable[[int, int], None] | None,
) -> float:
    llm.train()
    optimizer = torch.optim.AdamW(llm.parameters(), settings.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    warm = max(1, round(settings.warm_up * steps))

    def rate(step: int) -> float:
        return min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * step / steps))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    losses: list[float] = []
    embeddings, groups = llm.model.embed_tokens.weight, _interchangeable(writer, tokenizer)
    for ids, positions, mask in _batches(writer, tokenizer, settings, steps):
        # Without an explicit mask, a jump in the positions would be taken for the start of another document.
        logits = llm(input_ids=ids, position_ids=positions, attention_mask=mask.long(), use_cache=False).logits
        real = mask[:, 1:]
        loss = F.cross_entropy(logits[:, :-1][real], ids[:, 1:][real])
        optimizer.zero_grad()
        loss.backward()
        _move_together(embeddings, groups)
        torch.nn.utils.clip_grad_norm_(llm.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if progress is not None:
            progress(len(losses), steps)
    llm.eval()
    last = losses[-max(1, len(losses) // 20) :]
    return sum(last) / len(last)
