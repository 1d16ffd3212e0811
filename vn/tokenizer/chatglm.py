"""ChatGLM3's tokenizer: a SentencePiece model, and special turns whose ids follow its vocabulary.

    [gMASK] sop   <|user|> (space, newline) Which ...   <|assistant|> (space, newline) It is ...

The special tokens have no pieces: they are given by id (`ChatGlmTokenizer.turn_ids`), and a text that contains
``<|user|>``, such as a product's title, remains text. The release spells two of them without brackets (``sop``,
``eop``) and gives such a piece of a text the special id; here it keeps its own.
"""

from __future__ import annotations

from typing import Any

from vn.tokenizer.pieces import SentencePieceTokenizer

CHATGLM = "chatglm"  # model_type of the released config.json
TOKENS = ("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>")  # the first ids after the vocabulary
ROLES = ("system", "user", "assistant", "observation")  # their turns have the next ones
SPECIAL = (*TOKENS, *(f"<|{role}|>" for role in ROLES))


class ChatGlmTokenizer(SentencePieceTokenizer):
    """A SentencePiece model with ChatGLM3's special tokens, which no text ever becomes.

    Args:
        vocab_file: the SentencePiece model.
        special: special tokens by name, and further options.

    Attributes:
        start_ids: what every prompt begins with.
        turn_ids: role -> what opens its turn: its id, and the newline, before which the model reads a space.
    """

    beyond = SPECIAL

    def __init__(self, vocab_file: str, **special: Any) -> None:
        special.setdefault("pad_token", special.get("unk_token"))  # as published
        super().__init__(vocab_file, **special)
        pieces = self.sp_model.get_piece_size()
        self.start_ids = (pieces + TOKENS.index("[gMASK]"), pieces + TOKENS.index("<sop>"))
        newline = self.sp_model.encode("\n")
        self.turn_ids = {role: (pieces + len(TOKENS) + n, *newline) for n, role in enumerate(ROLES)}

    def _update_total_vocab_size(self) -> None:
        """Count the special tokens, so that tokens of a template are added after them."""
        super()._update_total_vocab_size()  # type: ignore[no-untyped-call]
        self.total_vocab_size += len(SPECIAL)

    @property
    def all_special_ids(self) -> list[int]:
        """The ids that are not text."""
        pieces = self.sp_model.get_piece_size()
        return [*super().all_special_ids, *range(pieces, pieces + len(SPECIAL))]

    def _convert_id_to_token(self, index: int) -> str:
        """A piece; nothing for special tokens and for the rows that only pad the embeddings."""
        return str(self.sp_model.id_to_piece(index)) if index < self.sp_model.get_piece_size() else ""
