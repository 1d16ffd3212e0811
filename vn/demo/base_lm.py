"""The `tiny` base language model: a small LLaMA and its tokenizer, trained on `vn.demo.prose` in minutes.

The result is a plain Hugging Face folder (`config.json`, `model.safetensors`, tokenizer files).
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from vn.demo import chinese, chinese_prose, english, english_prose, grammar, product, prose
from vn.demo.cached import fingerprint
from vn.demo.english import ENGLISH
from vn.demo.prose import Prose
from vn.demo.vocabulary import Vocabulary
from vn.io.atomic import atomic_write

SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
EMBEDDING_SPREAD = 0.1
ROPE_THETA = 500_000.0  # as in LLaMA-3
MARKER = "base_lm.json"  # written last: a folder without it is not finished


@dataclass(frozen=True, slots=True)
class BaseLMSettings:
    """How the tiny model is made.

    Attributes:
        vocabulary_size: tokens, special ones and all 256 bytes included.
        width, inner_width, layers, heads: of the LLaMA.
        longest: positions it can have.
        batch: documents a step.
        learning_rate: the highest, after `warm_up` (a share of the steps), before it falls as a cosine.
        gap: a paragraph may start up to this many positions further on than it stands. So distances as long as a
            whole prompt's are learned from documents of a fifth of that length.
        full_hardness: share of the steps after which documents are as hard as they get (`Prose.documents`).
    """

    vocabulary_size: int = 2000
    width: int = 128
    inner_width: int = 256
    layers: int = 2
    heads: int = 4
    longest: int = 2048
    batch: int = 8
    learning_rate: float = 2e-3
    warm_up: float = 0.05
    gap: int = 150
    full_hardness: float = 0.5


@dataclass(frozen=True, slots=True)
class BaseLM:
    """A trained base model.

    Attributes:
        folder: for ``AutoModelForCausalLM.from_pretrained``.
        loss: mean over the last twentieth of the steps, in nats a token.
        cached: whether it had been there already.
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
    """Make the tiny base model, or find that it is there, made from the same code and settings.

    Args:
        folder: of the model; what an interrupted or different training left there is replaced.
        steps: optimizer steps.
        seed: of the text and the weights.
        progress: told the steps done and all steps.
        vocabulary: the words of the text.
        settings: all else.
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
    torch.set_num_threads(1)  # the model is too small to share
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            llm = _initial(tokenizer, settings)
            loss = _train(llm, tokenizer, writer, steps, settings, progress)
    finally:
        torch.set_num_threads(threads)
    transformers_logging.disable_progress_bar()  # of a second
    llm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with atomic_write(marker) as file:
        file.write(json.dumps({"made_from": made_from, "steps": steps, "seed": seed, "loss": loss}).encode())
    return BaseLM(folder, loss, cached=False)


def _sources() -> tuple[ModuleType, ...]:
    import vn.demo.base_lm as this

    return this, english, english_prose, chinese, chinese_prose, grammar, prose, product


def train_tokenizer(writer: Prose, settings: BaseLMSettings) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which a newline is always a token of its own, and so is every digit.

    Trained on each word of the language a few times, and on some documents for what is frequent. Every name of an
    attribute becomes one token, in Chinese too, as common words are in the tokenizers of large models: split into
    characters, the eight colours would share their last token (EXPERIMENTS.md).
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    names = [name for words in writer.vocabulary.attributes.values() for name in words.values()]
    whole = "".join(f"{name}|" for name in names if re.fullmatch(r"[\u4e00-\u9fff]+", name))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            # Chinese characters alone but for names, words with the space before them, and punctuation apart.
            pre_tokenizers.Split(Regex(whole + r"\p{Han}| ?(?:(?!\p{Han})\p{L})+| ?[^\s\p{L}]|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary_size,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    documents = ["".join(document) for document in writer.documents(500)]
    tokenizer.train_from_iterator(writer.lexicon() * 5 + documents, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=settings.longest, **SPECIAL)


def _initial(tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings) -> LlamaForCausalLM:
    """A LLaMA at its start: small random weights, and two heads a layer that can copy already."""
    llm = LlamaForCausalLM(_config(tokenizer, settings))
    torch.nn.init.normal_(llm.model.embed_tokens.weight, std=EMBEDDING_SPREAD)
    _let_copy(llm)
    return llm


@torch.no_grad()
def _let_copy(llm: LlamaForCausalLM) -> None:
    """Start two heads of the first two layers as induction heads (Olsson et al. 2022), which copy what stood before.

    Copying takes two steps: a head of the first layer marks each token with the one before it (or two before it),
    and a head of the second layer looks for the mark of the present token. In a model this small the pair does
    not emerge within minutes on a CPU (EXPERIMENTS.md); a large model comes with it. All weights stay trainable.
    """
    config = llm.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    angles = ROPE_THETA ** (-torch.arange(0, size, 2) / size)  # by which RoPE turns each pair of a head's channels
    still = (angles < 0.004).repeat(2).float()[:, None]  # pairs that hardly turn: matches at any distance
    mark, look = (llm.model.layers[i].self_attn for i in (0, 1))
    directions = torch.nn.init.orthogonal_(torch.empty(width, width)).split(size)
    for head in range(2):
        rows = slice(head * size, (head + 1) * size)
        own, before = directions[2 * head], directions[2 * head + 1]
        # Queries and keys that are the same everywhere, turned so that RoPE aligns them at a distance of 1 or 2.
        ahead, ones = angles * (head + 1), torch.ones(size // 2)
        for projection, turned in ((mark.q_proj, (ones, 0 * ones)), (mark.k_proj, (ahead.cos(), ahead.sin()))):
            projection.weight[rows] = 0
            projection.bias[rows] = 6.0 * torch.cat(turned)  # so sharp that it is 95 % sure
        mark.v_proj.weight[rows] = own
        mark.o_proj.weight[:, rows] = before.T * EMBEDDING_SPREAD
        look.q_proj.weight[rows] = 4.0 * still * own
        look.k_proj.weight[rows] = 4.0 * still * before
        copied = torch.nn.init.orthogonal_(torch.empty(size, width))
        look.v_proj.weight[rows] = copied
        look.o_proj.weight[:, rows] = 2.0 * copied.T * EMBEDDING_SPREAD


def _config(tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=settings.inner_width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.longest,
        initializer_range=0.03,
        tie_word_embeddings=True,
        attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    ids: list[int]
    positions: list[int]


def _rows(
    writer: Prose, tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings, count: int, hardness: float
) -> list[_Row]:
    """Documents as token ids, one a row, with gaps between their paragraphs."""
    documents = writer.documents(count, hardness)
    paragraphs = [paragraph for document in documents for paragraph in document]
    encoded = iter(tokenizer(paragraphs, add_special_tokens=False)["input_ids"])
    rows = []
    for document in documents:
        ids, positions, shift = [tokenizer.bos_token_id], [0], 0
        for number, _ in enumerate(document):
            piece = next(encoded)
            # Half of the documents have no gaps: that is how text mostly stands.
            shift += writer.rng.randint(0, settings.gap) if number and writer.rng.random() < 0.5 else 0
            start = len(ids) + shift
            positions += range(start, start + len(piece))
            ids += piece
        rows.append(_Row([*ids, tokenizer.eos_token_id], [*positions, positions[-1] + 1]))
    return rows


def _batches(
    writer: Prose, tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings, steps: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Padded ids, positions and mask ``[batch, longest row]`` a step; rows of like length stand together."""
    pool = 32  # steps written at once
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
            yield ids, positions, torch.tensor([[i < len(row.ids) for i in range(longest)] for row in batch])


def _interchangeable(writer: Prose, tokenizer: PreTrainedTokenizerFast) -> list[Tensor]:
    """The tokens of each attribute's values, where the text treats them alike (`ProseTexts.even`)."""
    if not writer.texts.even:
        return []
    values = [list(words.values()) for words in writer.vocabulary.attributes.values()]
    encoded = [tokenizer(words, add_special_tokens=False)["input_ids"] for words in values]
    return [torch.tensor([word[0] for word in words]) for words in encoded]


def _move_together(embeddings: Tensor, groups: list[Tensor]) -> None:
    """Give the embeddings of a group of tokens the mean of their gradients.

    The text chooses between the values of an attribute by chance, so what would tell their embeddings apart is noise,
    and training draws them together until a narrator's frozen base model can hardly write one rather than another
    (EXPERIMENTS.md). With one gradient they keep the differences that they started with.
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
        # A mask of its own: without one, a jump in the positions would be taken for the start of another document.
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
