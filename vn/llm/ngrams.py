"""N-grams of the training narrations: which token usually follows the last few, for drafts (`vn.generation.drafts`).

Contexts of one to `LONGEST` tokens are kept as hashes, sorted, each with the token that followed it most often and the
share of times that it did. A longer context is kept only if it says something else than the shorter one that is used
otherwise, and of all of them the `MOST` most frequent. A draft is a guess that the model confirms or not, so neither
two contexts with the same hash nor what was left out can change a text.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vn.errors import InputError

FILE = "drafts.safetensors"
LONGEST = 4  # tokens of a context: 3 needs 2 % more passes on the demo, 6 none less and twice the space
MOST = 1 << 20  # contexts, 8 bytes each
TOKEN_BITS = 24
TOKEN = (1 << TOKEN_BITS) - 1
SCALE = (1 << 32 - TOKEN_BITS) - 1  # a share of 1
DOUBT = 0.5  # added to a context's count: what was seen once is not certain
ALIKE = SCALE // 10  # shares that differ by less say the same
EMPTY, FACTOR, MASK = 0x811C9DC5, 0x9E3779B1, 0xFFFFFFFF  # hash for no token, and how hashes are made


class Ngrams:
    """Which token usually follows a few others.

    Args:
        keys: ``[N]`` uint32, ascending hashes of contexts.
        says: ``[N]`` uint32, for each the token that usually follows, and in the upper 8 bits how often.
    """

    def __init__(self, keys: np.ndarray, says: np.ndarray) -> None:
        self.keys = keys
        self.says = says
        self._keys = keys.data  # its items are plain numbers, several times as fast as an array's
        self._says = says.data

    @property
    def vocabulary(self) -> int:
        """One more than the highest id of a token that may be guessed."""
        return int((self.says & np.uint32(TOKEN)).max(initial=0)) + 1 if len(self.says) else 0

    def after(self, ids: Sequence[int]) -> tuple[int, float] | None:
        """The token that usually follows these, and its share of what did; None if nothing is known."""
        keys, known, key, found = self._keys, len(self._keys), EMPTY, -1
        for token in ids[: -LONGEST - 1 : -1]:
            key = _longer(key, token)
            at = bisect_left(keys, key)
            if at < known and keys[at] == key:
                found = at
        if found < 0:
            return None
        said = self._says[found]
        return said & TOKEN, (said >> TOKEN_BITS) / SCALE


def _longer(key: int, token: int) -> int:
    """The hash of a context that begins one token earlier; that of the empty one is `EMPTY`."""
    return ((key ^ token) * FACTOR + 1) & MASK


def count(texts: Iterable[Sequence[int]]) -> Ngrams:
    """The n-grams of texts.

    Args:
        texts: the token ids of each.
    """
    parts = [np.asarray(ids, dtype=np.uint64) for ids in texts if len(ids)]
    ids = np.concatenate(parts) if parts else np.empty(0, np.uint64)
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    place = np.arange(len(ids)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # each token in its text
    keys = np.full(len(ids), EMPTY, np.uint64)  # the context before each token
    known = np.zeros(len(ids), np.int64)  # what shorter contexts say about it
    kept = []
    for n in range(1, LONGEST + 1):
        there = np.flatnonzero(place >= n)
        keys[there] = ((keys[there] ^ ids[there - n]) * np.uint64(FACTOR) + np.uint64(1)) & np.uint64(MASK)
        found, says, times, which = _most_frequent(keys[there], ids[there])
        said, shorter = says[which], known[there]
        share = np.abs((said >> TOKEN_BITS) - (shorter >> TOKEN_BITS))
        new = np.zeros(len(found), dtype=bool)
        new[which[((said ^ shorter) & TOKEN != 0) | (share >= ALIKE)]] = True
        known[there] = np.where(new[which], said, shorter)
        kept.append(np.stack([found[new], says[new], times[new]]))
    contexts, says, times = np.concatenate(kept, axis=1)
    best = np.argsort(-times, kind="stable")[:MOST]
    contexts, first = np.unique(contexts[best], return_index=True)
    return Ngrams(contexts.astype(np.uint32), says[best][first].astype(np.uint32))


def _most_frequent(keys: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The contexts, what each says, how often each occurs, and the number of the context at each place."""
    pairs, counts = np.unique((keys << np.uint64(TOKEN_BITS)) | tokens, return_counts=True)
    contexts = pairs >> np.uint64(TOKEN_BITS)
    order = np.lexsort((-counts, contexts))  # the smallest id if tokens are equally frequent
    found, first = np.unique(contexts[order], return_index=True)
    best = order[first]
    which = np.searchsorted(found, keys)
    times = np.bincount(which, minlength=len(found))
    share = np.round(SCALE * counts[best] / (times + DOUBT)).astype(np.int64)
    says = (pairs[best] & np.uint64(TOKEN)).astype(np.int64) | (share << TOKEN_BITS)
    return found.astype(np.int64), says, times, which


def write_ngrams(folder: Path, ngrams: Ngrams) -> str:
    """Write n-grams into an adapter folder.

    Returns:
        The file's sha256, for the card.
    """
    data = save({"keys": ngrams.keys, "says": ngrams.says}, {"longest": str(LONGEST)})
    (folder / FILE).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def check_ngrams(folder: Path, sha256: str | None, field: str = "drafts") -> None:
    """Raise unless an adapter folder has n-grams.

    Args:
        folder: the adapter folder.
        sha256: what its card has as the file's hash.
        field: the setting that asks for them.

    Raises:
        InputError: it has none.
    """
    if sha256 is None:
        message = "has no n-grams for drafts, which the training of this adapter did not write; set it to none"
        raise InputError(message, file=folder, field=field)


def read_ngrams(folder: Path, sha256: str | None, vocabulary: int) -> Ngrams:
    """The n-grams of an adapter folder.

    Args:
        folder: the adapter folder.
        sha256: what its card has as the file's hash.
        vocabulary: number of tokens of the model.

    Raises:
        InputError: it has none, or they are missing, damaged or of another model.
    """
    check_ngrams(folder, sha256)
    file = folder / FILE
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError("is damaged: not the file that training wrote (another sha256); set drafts to none", file=file)
    try:
        arrays = load(data)
        ngrams = Ngrams(arrays["keys"], arrays["says"])
    except (SafetensorError, KeyError) as error:
        raise InputError(f"is damaged: {error}", file=file) from None
    shapes = {array.shape for array in arrays.values()}
    if {array.dtype for array in arrays.values()} != {np.dtype(np.uint32)} or shapes != {(len(ngrams.keys),)}:
        raise InputError("is damaged: expected two columns of uint32 of the same length", file=file)
    if ngrams.vocabulary > vocabulary:
        message = f"has the token {ngrams.vocabulary - 1}, and the base model {vocabulary} tokens: another base model?"
        raise InputError(message, file=file)
    return ngrams
