"""BERT as sentence encoder with torch and tokenizers alone: importing transformers takes longer than a run's sentences.

`plain_bert` decides whether a folder holds exactly what is computed here; for all others there is transformers
(`vn.score.sentences`). Both give the same bits, since this calls the same operators with the same shapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.extras import is_here
from vn.io.loaded import fingerprint_of

CONFIG = {  # what is computed here; a configuration that does not name one of them has this value
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "chunk_size_feed_forward": 0,
}
NUMBERS = {  # defaults of transformers' BertConfig
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "hidden_size": 768,
}
# Anything else in a configuration might change what is computed, so that the folder is one for transformers.
# fmt: off
NO_MATTER = frozenset((
    "_name_or_path", "architectures", "attention_probs_dropout_prob", "bos_token_id", "classifier_dropout",
    "dtype", "eos_token_id", "gradient_checkpointing", "hidden_dropout_prob",
    "initializer_range", "intermediate_size", "pad_token_id", "tie_word_embeddings", "torch_dtype",
    "transformers_version", "type_vocab_size", "use_cache", "vocab_size",
))
# fmt: on
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
NAMES = re.compile(
    r"embeddings\.((word|position|token_type)_embeddings\.weight|LayerNorm\.(weight|bias))|pooler\.dense\.(weight|bias)"
    r"|encoder\.layer\.\d+\.(attention\.(self\.(query|key|value)|output\.(dense|LayerNorm))|intermediate\.dense"
    r"|output\.(dense|LayerNorm))\.(weight|bias)"
)
PLACES = "embeddings.position_embeddings.weight"
UNUSED = "embeddings.position_ids"  # 0, 1, 2, ...; stored by old versions of transformers
PER_LAYER, BESIDES = 16, 7  # tensors


@dataclass(frozen=True)
class PlainBert:
    """The model and its tokenizer.

    Attributes:
        tensors: the weights by transformers' names, on the CPU, float32.
        tokenizer: the package tokenizers' one; pads a batch to its longest text.
        heads: attention heads.
        layers: number of layers.
        epsilon: what layer normalisation adds to the variance.
    """

    tensors: Mapping[str, Any]
    tokenizer: Any
    heads: int
    layers: int
    epsilon: float

    def fingerprint(self) -> str:
        """The same as `vn.io.loaded.fingerprint` of transformers' model."""
        return fingerprint_of(self.tensors)

    def states(self, texts: list[str]) -> tuple[Any, Any]:
        """The last hidden states `[B, L, D]` float32 of texts, and which of them are tokens, not padding, `[B, L]`."""
        import torch
        from torch.nn import functional

        encoded = self.tokenizer.encode_batch(texts)
        ids = torch.tensor([each.ids for each in encoded])
        mask = torch.tensor([each.attention_mask for each in encoded])
        length = ids.shape[1]
        seen = None if mask.all() else mask.bool()[:, None, None, :].expand(-1, 1, length, -1)
        with torch.inference_mode():
            words = functional.embedding(ids, self.tensors["embeddings.word_embeddings.weight"])
            kinds = functional.embedding(torch.zeros_like(ids), self.tensors["embeddings.token_type_embeddings.weight"])
            places = functional.embedding(torch.arange(length)[None], self.tensors[PLACES])
            states = self._norm("embeddings", words + kinds + places)
            for layer in range(self.layers):
                states = self._layer(f"encoder.layer.{layer}.", states, seen)
        return states, mask

    def _layer(self, name: str, states: Any, seen: Any) -> Any:
        from torch.nn import functional

        parts = states.shape[:-1]
        query, key, value = (
            self._linear(f"{name}attention.self.{each}", states).view(*parts, self.heads, -1).transpose(1, 2)
            for each in ("query", "key", "value")
        )
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        read = read.transpose(1, 2).contiguous().reshape(*parts, -1)
        read = self._linear(f"{name}attention.output.dense", read)
        states = self._norm(f"{name}attention.output", read + states)
        wide = functional.gelu(self._linear(f"{name}intermediate.dense", states))
        return self._norm(f"{name}output", self._linear(f"{name}output.dense", wide) + states)

    def _linear(self, name: str, states: Any) -> Any:
        from torch.nn import functional

        return functional.linear(states, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _norm(self, name: str, states: Any) -> Any:
        from torch.nn import functional

        weight, bias = (self.tensors[f"{name}.LayerNorm.{each}"] for each in ("weight", "bias"))
        return functional.layer_norm(states, weight.shape, weight, bias, self.epsilon)


def plain_bert(folder: Path, longest: int) -> PlainBert | None:
    """The model of a folder; None if anything about it is not what is computed here.

    Args:
        folder: a folder as transformers saves it.
        longest: tokens of a text, of which the rest is cut off.
    """
    files = {name: folder / name for name in ("config.json", "tokenizer.json", "tokenizer_config.json")}
    weights = folder / "model.safetensors"
    if not all(file.is_file() for file in (*files.values(), weights)):
        return None
    if not all(is_here(library) for library in ("torch", "safetensors", "tokenizers")):
        return None
    try:
        config, whole, own = (json.loads(file.read_text("utf-8")) for file in files.values())
    except ValueError:
        return None
    if not _is_plain(config) or not _is_wordpiece(whole, own):
        return None
    heads, layers, epsilon, places, width = (config.get(name, value) for name, value in NUMBERS.items())
    tensors = _tensors(weights, layers)
    if tensors is None or width % heads or (places, width) != tensors[PLACES].shape:
        return None
    limit = min(longest, own.get("model_max_length", longest), places)
    return PlainBert(tensors, _tokenizer(files["tokenizer.json"], whole, int(limit)), heads, layers, epsilon)


def _is_plain(config: Any) -> bool:
    if not isinstance(config, dict) or set(config) - set(CONFIG) - set(NUMBERS) - NO_MATTER:
        return False
    float32 = all(config.get(name) in (None, "float32") for name in ("dtype", "torch_dtype"))
    numbers = all(
        type(config.get(name, value)) is type(value) and config.get(name, value) > 0 for name, value in NUMBERS.items()
    )
    named = config.get("architectures") in (None, ["BertModel"]) and config.get("model_type") == CONFIG["model_type"]
    return float32 and numbers and named and all(config.get(name, value) == value for name, value in CONFIG.items())


def _is_wordpiece(whole: Any, own: Any) -> bool:
    """Whether transformers' BertTokenizer does with these files what `tokenizer.json` says."""
    if not isinstance(whole, dict) or not isinstance(own, dict):
        return False
    ids = {each.get("content"): each.get("id") for each in whole.get("added_tokens", ())}
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    processor, model = whole.get("post_processor") or {}, whole.get("model") or {}
    return (
        own.get("tokenizer_class") in ("BertTokenizer", "BertTokenizerFast")
        and type(own.get("model_max_length", 1)) in (int, float)  # null: none
        and all(own.get(name, value) == value for name, value in names.items())
        and all(own.get(f"{which}_side", "right") == "right" for which in ("padding", "truncation"))
        and not own.get("split_special_tokens")
        and own.get("never_split") is None
        and set(ids) == set(SPECIAL)
        and all(each == _added(each["content"], each["id"]) for each in whole["added_tokens"])
        and whole.get("normalizer")
        == {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": own.get("tokenize_chinese_chars", True),
            "strip_accents": own.get("strip_accents"),
            "lowercase": own.get("do_lower_case", True),
        }
        and whole.get("pre_tokenizer") == {"type": "BertPreTokenizer"}
        and processor.get("type") == "TemplateProcessing"
        and processor.get("single") == [_token("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, _token("[SEP]")]
        and {key: value.get("ids") for key, value in processor.get("special_tokens", {}).items()}
        == {"[CLS]": [ids["[CLS]"]], "[SEP]": [ids["[SEP]"]]}
        and {key: value for key, value in model.items() if key != "vocab"}
        == {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        }
        and all(model.get("vocab", {}).get(name) == place for name, place in ids.items())
    )


def _added(content: str, place: int) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": place, "content": content, **plain, "special": True}


def _token(name: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": name, "type_id": 0}}


def _tensors(file: Path, layers: int) -> dict[str, Any] | None:
    """The weights; None if they are not all there, or others, or not in float32."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(file)
    except (SafetensorError, OSError):
        return None
    tensors.pop(UNUSED, None)
    whole = len(tensors) == PER_LAYER * layers + BESIDES and all(map(NAMES.fullmatch, tensors))
    return tensors if whole and all(value.dtype == torch.float32 for value in tensors.values()) else None


def _tokenizer(file: Path, whole: dict[str, Any], limit: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.enable_truncation(limit)
    tokenizer.enable_padding(pad_id=whole["model"]["vocab"]["[PAD]"], pad_token="[PAD]")
    return tokenizer
