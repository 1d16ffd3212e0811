"""Tokenizers of each kind: byte-level BPE, SentencePiece by itself and by transformers, ChatGLM's; also large ones."""

import tempfile
from functools import cache
from pathlib import Path

import baichuan
import chatglm
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaTokenizer, PreTrainedTokenizerFast

from vn.tokenizer.chatglm import ChatGlmTokenizer
from vn.tokenizer.pieces import load_tokenizer, stock_tokenizer
from vn.tokenizer.spelling import byte_alphabet

SMALL = ["byte-level", "baichuan", "stock baichuan", "chatglm"]
LARGE = ["49k byte-level", "64k with byte fallback"]
NAMES = [*SMALL, *LARGE]
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er")]


def words(count):
    """Made-up words and Chinese ones; some begin with a space, some with punctuation or have two words in them."""
    some = [f"{mark}{a}{b}" for mark in ("", " ", ".") for a in SYLLABLES for b in ["", *SYLLABLES]]
    chinese = [chr(0x4E00 + n) for n in range(6000)]
    chinese += [a + b for a in chinese[:150] for b in chinese[:150]]
    other = ["\n", ". ", " \n", " a b", "  ", "\u3000", "\u00a0x", "。", "！”", "\ufffd", "é", "😀", "\u2003y z"]
    return list(dict.fromkeys([*other, *some, *chinese]))[:count]


@cache
def vocabulary(name):
    """A tokenizer."""
    if name == "byte-level":
        return byte_level(words(400))
    if name == "49k byte-level":
        return byte_level(words(60000)[: 49152 - 700])
    if name == "64k with byte fallback":
        pieces = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581"]
        pieces += [word.replace(" ", "\u2581") for word in words(60000)] + [f"\u2581x{n}" for n in range(20000)]
        vocab = {piece: n for n, piece in enumerate(list(dict.fromkeys(pieces))[:64000])}
        return LlamaTokenizer(vocab=vocab, merges=[])
    with tempfile.TemporaryDirectory() as folder:
        maker, kind = (chatglm, ChatGlmTokenizer) if name == "chatglm" else (baichuan, None)
        maker.train_tokenizer(Path(folder))
        tokenizer = load_tokenizer(Path(folder), *([kind] if kind else []))
        return stock_tokenizer(tokenizer) if name.startswith("stock") else tokenizer


def byte_level(texts):
    """A byte-level vocabulary of these texts, of all bytes, and of parts of characters."""
    letters = {byte: character for character, byte in byte_alphabet().items()}
    parts = [bytes([byte]) for byte in range(256)]
    parts += [text.encode() for text in texts]
    parts += [part for text in ("你好", " 红茶", "é!", "😀", "\u3000") for part in cut(text.encode())]
    names = ["<s>", "</s>", *("".join(letters[byte] for byte in part) for part in parts)]
    tokenizer = Tokenizer(models.BPE({name: n for n, name in enumerate(dict.fromkeys(names))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    made.add_tokens(["<a frame>", "[left out]"], special_tokens=True)
    made.add_tokens(["two words", "茶 b"])
    return made


def cut(data):
    """All parts of some bytes."""
    return [data[a:b] for a in range(len(data)) for b in range(a + 1, len(data) + 1)]
