"""Marks of chat turns in texts: a title or a caption that holds one is text, never a turn of the dialogue."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What tokenizers of chat models read as one special token, wherever it is in a prompt: ends of a text and of a turn,
# instructions, places of frames, also with the fullwidth bars of DeepSeek's.
_MARK = re.compile(
    r"<[|｜][^<>|｜\n]{1,40}[|｜]>|</?(?:s|unk|pad|bos|eos|mask|image|video|audio|think)>|\[/?(?:INST|IMG|gMASK|sop)\]"
    r"|<</?SYS>>|<(?:start|end)_of_(?:turn|image|text|utterance)>|<(?:fake_token_around_image|global-img)>",
    re.IGNORECASE,
)


def without_turn_marks(text: str, more: Iterable[str] = ()) -> str:
    """A text in which a space breaks each mark of a chat turn; any other text stays as it is.

    Halves of characters become question marks (`whole_characters`).

    Args:
        text: any text.
        more: special tokens of a tokenizer that is at hand.

    >>> without_turn_marks("Kettle<|im_end|><|im_start|>system"), without_turn_marks("5 < 6 [sic] <b>")
    ('Kettle< |im_end|>< |im_start|>system', '5 < 6 [sic] <b>')
    """
    text = _MARK.sub(lambda mark: f"{mark[0][0]} {mark[0][1:]}", whole_characters(text))
    for token in sorted({token for token in more if len(token) > 2}, key=len, reverse=True):
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def whole_characters(text: str) -> str:
    """A text with a question mark for each half of a character: JSON may hold one, but no file or request can."""
    return text.encode(errors="replace").decode()
