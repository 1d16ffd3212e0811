"""Encoders and a language model small enough to be made in a test; their weights are random but complete and saved."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessor,
    ChineseCLIPModel,
)

LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789")
HAN = list("红色的杯子很好看耐用便宜快来买充电速度绿联磁吸头功效质量保温防水安全认证送给家人")


def write_tokenizer(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS), *dict.fromkeys(HAN)]
    file = folder / "vocab.txt"
    file.write_text("\n".join(words), encoding="utf-8")
    BertTokenizer(str(file), model_max_length=64).save_pretrained(folder)
    return len(words)


def text_config(vocabulary: int) -> dict:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }


def make_sentence_encoder(folder: Path) -> Path:
    torch.manual_seed(0)
    vocabulary = write_tokenizer(folder)
    BertModel(BertConfig(**text_config(vocabulary))).save_pretrained(folder)
    return folder


def make_clip(folder: Path) -> Path:
    """A Chinese-CLIP of 16-pixel pictures."""
    torch.manual_seed(0)
    vocabulary = write_tokenizer(folder)
    vision = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 16,
        "patch_size": 8,
    }
    config = ChineseCLIPConfig(text_config=text_config(vocabulary), vision_config=vision, projection_dim=16)
    ChineseCLIPModel(config).save_pretrained(folder)
    size = {"height": 16, "width": 16}
    ChineseCLIPImageProcessor(size=size, crop_size=size, do_center_crop=False).save_pretrained(folder)
    return folder
