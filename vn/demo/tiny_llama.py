"""The `tiny` base language model before training: its sizes, its tokenizer and its initial weights."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from vn.demo.phrases import lexicon
from vn.demo.prose import Prose

SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
EMBEDDING_SPREAD = 0.1
ROPE_THETA = 500_000.0  # as in LLaMA-3


@dataclass(frozen=True, slots=True)
class BaseLMSettings:
    """The settings of the tiny model and its training.

    Attributes:
        vocabulary_size: number of tokens, including special ones and all 256 bytes.
        width, inner_width, layers, heads: sizes of the LLaMA.
        longest: most positions.
        batch: documents per step.
        learning_rate: peak learning rate, after `warm_up` (a share of the steps) and before a cosine decay.
        gap: a paragraph may start up to this many positions after the end of the previous one. So distances as long
            as a whole prompt's are learned from documents of a fifth of that length.
        full_hardness: share of the steps after which documents have full hardness (`Prose.documents`).
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


def train_tokenizer(writer: Prose, settings: BaseLMSettings) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which a newline is always a token of its own, as is every digit.

    Trained on each word of the language a few times, and on some documents for frequencies. Every name of an attribute
    becomes one token, in Chinese too, as common words do in the tokenizers of large models: split into characters,
    the eight colours would share their last token (EXPERIMENTS.md).
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    names = [name for words in writer.vocabulary.attributes.values() for name in words.values()]
    whole = "".join(f"{name}|" for name in names if re.fullmatch(r"[\u4e00-\u9fff]+", name))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("\n", "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            # Single Chinese characters except in names, words with the space before them, and separate punctuation.
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
    tokenizer.train_from_iterator(lexicon(writer.vocabulary) * 5 + documents, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=settings.longest, **SPECIAL)


def initial_model(tokenizer: PreTrainedTokenizerFast, settings: BaseLMSettings) -> LlamaForCausalLM:
    """An untrained LLaMA: small random weights, and two heads per layer that can copy already."""
    llm = LlamaForCausalLM(_config(tokenizer, settings))
    torch.nn.init.normal_(llm.model.embed_tokens.weight, std=EMBEDDING_SPREAD)
    _let_copy(llm)
    return llm


@torch.no_grad()
def _let_copy(llm: LlamaForCausalLM) -> None:
    """Initialise two heads of the first two layers as induction heads (Olsson et al. 2022), which copy earlier tokens.

    Copying takes two steps: a head of the first layer marks each token with the one before it (or two before it),
    and a head of the second layer searches for the mark of the current token. In a model this small the pair does
    not emerge within minutes on a CPU (EXPERIMENTS.md); large models have it. All weights stay trainable.
    """
    config = llm.config
    width, size = config.hidden_size, config.hidden_size // config.num_attention_heads
    angles = ROPE_THETA ** (-torch.arange(0, size, 2) / size)  # by which RoPE rotates each pair of a head's channels
    still = (angles < 0.004).repeat(2).float()[:, None]  # pairs that hardly rotate: they match at any distance
    mark, look = (llm.model.layers[i].self_attn for i in (0, 1))
    directions = torch.nn.init.orthogonal_(torch.empty(width, width)).split(size)
    for head in range(2):
        rows = slice(head * size, (head + 1) * size)
        own, before = directions[2 * head], directions[2 * head + 1]
        # Queries and keys that are the same everywhere, rotated so that RoPE aligns them at a distance of 1 or 2.
        ahead, ones = angles * (head + 1), torch.ones(size // 2)
        for projection, turned in ((mark.q_proj, (ones, 0 * ones)), (mark.k_proj, (ahead.cos(), ahead.sin()))):
            projection.weight[rows] = 0
            projection.bias[rows] = 6.0 * torch.cat(turned)  # so sharp that the attention weight is 95 %
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
