"""Mean features of the training clips in files, and the nearest of them to a clip.

An index is made once per data folder (``CACHE/retrieval/KEY``), read in blocks, and its vectors are mapped into memory,
so that memory does not grow with the number of training clips.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vn.data.manifest import Manifest
from vn.data.shards import announce, read_sample
from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.lock import alone
from vn.io.remote import Folder
from vn.progress import progress
from vn.story import Clip, Domain, Labels, Language, ScriptLabel, Story, WordRange, count_words, parse_labels
from vn.visual.plan import clip_frames

FORMAT = 1
BLOCK = 1 << 15  # training clips whose similarities are computed at once
AHEAD = 4  # training videos of a remote folder that are fetched before they are needed
CLOSE = 1e-4  # similarities in float32 that may be the highest: these are computed again in float64
DIGITS = 9  # similarities that agree in as many digits are a tie, which the first clip wins on every machine
NEVER = 6  # the rank of a clip that cannot be taken
_BITS = {label: 1 << place for place, label in enumerate(ScriptLabel)}
_COLUMNS = {"video": "<i4", "labels": "<u2", "words": "<i4", "text_at": "<i8"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the training clip should have: labels, and a word range of its narration; None: any.

    Ranks of training clips, the best first: 0 has just these labels, 1 shares one of them, 2 and 3 are the same with a
    narration out of range, 4 and 5 share none.
    """

    labels: Labels | None = None
    words: WordRange | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The nearest training clip.

    Attributes:
        video: id of its story.
        clip: its number.
        labels: its labels, if it has any.
        narration: its narration.
        similarity: cosine of the mean features.
        rank: see `Wanted`.
    """

    video: str
    clip: int
    labels: Labels | None
    narration: str
    similarity: float
    rank: int


class ClipIndex:
    """The narrated clips of a train split, one row each, in the order of the shards.

    Args:
        folder: folder of the index.
        width: D.

    Raises:
        ValueError, OSError: it is missing, unfinished or damaged.
    """

    def __init__(self, folder: Path, width: int) -> None:
        head = json.loads((folder / "index.json").read_bytes())
        count = head["clips"]
        self.columns = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _COLUMNS}
        vectors = folder / "vectors.f32"
        whole = all(self.columns[name].shape == (count + (name == "text_at"),) for name in _COLUMNS)
        if head["format"] != FORMAT or not whole or vectors.stat().st_size != 4 * count * width:
            raise ValueError("another index")
        self.vectors = np.memmap(vectors, "<f4", "r", shape=(count, width))
        with (folder / "texts.jsonl").open("rb") as file:
            self._texts = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._texts) != self.columns["text_at"][-1]:
            raise ValueError("another index")

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, vectors: np.ndarray, wanted: Sequence[Wanted], video: int | None) -> list[Neighbour | None]:
        """The training clip of the best rank that is the most similar; in a tie the first.

        Args:
            vectors: ``[C, D]``, from `clip_vectors`.
            wanted: what each of the C should have.
            video: number of the training video whose clips do not count; None if all do.

        Returns:
            One per vector; None if no clip counts.
        """
        best = [NEVER] * len(wanted)
        near: list[list[np.ndarray]] = [[] for _ in wanted]
        for start in range(0, len(self), BLOCK):
            rows = slice(start, min(len(self), start + BLOCK))
            similar = self.vectors[rows] @ vectors.T.astype(np.float32)
            own = self.columns["video"][rows] == (-1 if video is None else video)
            for i, each in enumerate(wanted):
                ranks = np.where(own, NEVER, self._ranks(rows, each))
                rank = int(ranks.min())
                if rank == NEVER or rank > best[i]:
                    continue
                if rank < best[i]:
                    best[i], near[i] = rank, []
                among = np.flatnonzero(ranks == rank)
                values = similar[among, i]
                near[i].append(start + among[values >= values.max() - CLOSE])
        return [
            self._first(np.concatenate(rows), vector, rank) if rows else None
            for rows, vector, rank in zip(near, vectors, best, strict=True)
        ]

    def _ranks(self, rows: slice, wanted: Wanted) -> np.ndarray:
        labels = self.columns["labels"][rows]
        ranks = np.zeros(len(labels), np.int64)
        if wanted.labels:
            bits = _bits(wanted.labels)
            ranks = np.where(labels == bits, 0, np.where(labels & bits, 1, 4))
        if wanted.words:
            words = self.columns["words"][rows]
            ranks += np.where((words < wanted.words.low) | (words > wanted.words.high), np.where(ranks < 4, 2, 1), 0)
        return ranks

    def _first(self, rows: np.ndarray, vector: np.ndarray, rank: int) -> Neighbour:
        exact = cosine(self.vectors[rows].astype(np.float64), vector)
        place = int(exact.argmax())
        row = int(rows[place])
        begin, end = self.columns["text_at"][row : row + 2].tolist()
        video, clip, labels, narration = json.loads(self._texts[begin:end])
        return Neighbour(video, clip, parse_labels(labels) or None, narration, float(exact[place]), rank)


def cosine(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Cosine of each row ``[N, D]`` with a vector ``[D]``, to `DIGITS` digits; 0 for a vector of zeros."""
    lengths = np.sqrt((rows * rows).sum(axis=1)) * np.sqrt((vector * vector).sum())
    cosines: np.ndarray = (rows * vector).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return cosines.round(DIGITS)


def clip_vectors(
    frames: np.ndarray, seconds: np.ndarray, clips: Sequence[Clip], statistics: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """Mean features of clips, over their frames and tokens, of length 1.

    Args:
        frames: ``[F, T, D]``, at least one frame.
        seconds: ``[F]``, the time of each frame.
        clips: C clips.
        statistics: mean and standard deviation ``[D]`` to standardise with; None for not at all.

    Returns:
        ``[C, D]`` float32.
    """
    means = frames.mean(axis=1, dtype=np.float64)
    vectors = np.stack([means[clip_frames(seconds, clip.start, clip.end)].mean(axis=0) for clip in clips])
    if statistics is not None:
        vectors = (vectors - statistics[0]) / statistics[1]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def open_index(data: Folder, manifest: Manifest, language: Language, domain: Domain, cache: Path) -> ClipIndex:
    """The index of a train split; it is made if it is not in the cache yet.

    Args:
        data: the data folder.
        manifest: its manifest.
        language: language of the stories that count.
        domain: their domain.
        cache: folder of all indexes.

    Raises:
        InputError: there is no train split, none of its clips in this language and domain is narrated, a sample is
            damaged, or the index cannot be written.
    """
    if not len(manifest.samples("train")):
        raise InputError("has no train split to retrieve narrations from", file=data)
    name = f"{FORMAT} {manifest.sha256} {language} {domain}"
    folder = cache / hashlib.sha256(name.encode()).hexdigest()[:16]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with alone(cache / f"{folder.name}.lock"):
            try:
                return ClipIndex(folder, manifest.width)
            except (OSError, ValueError, KeyError, TypeError):
                pass  # not there, unfinished or damaged: made again
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _make(folder, data, manifest, language, domain)
            return ClipIndex(folder, manifest.width)
    except OSError as error:
        raise InputError(f"the index cannot be written: {error.strerror or error}", file=folder) from None


def statistics_of(manifest: Manifest) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation that features are standardised with; None for not at all."""
    return (manifest.statistics["mean"], manifest.statistics["std"]) if manifest.standardise else None


def _make(folder: Path, data: Folder, manifest: Manifest, language: Language, domain: Domain) -> None:
    columns = {name: array({"<i4": "i", "<u2": "H", "<i8": "q"}[kind]) for name, kind in _COLUMNS.items()}
    columns["text_at"].append(0)
    statistics = statistics_of(manifest)
    with (folder / "vectors.f32").open("wb") as vectors, (folder / "texts.jsonl").open("wb") as texts:
        for number, (story, frames, seconds) in enumerate(_videos(data, manifest)):
            if not story.narrated or (story.language, story.domain) != (language, domain):
                continue
            clips = [story.clips[i] for i in story.narrated]
            vectors.write(clip_vectors(frames, seconds, clips, statistics).astype("<f4").tobytes())
            for i, clip in zip(story.narrated, clips, strict=True):
                labels = [label.text("en") for label in clip.labels or ()]
                columns["video"].append(number)
                columns["labels"].append(_bits(clip.labels or ()))
                columns["words"].append(count_words(clip.narration or "", language))
                texts.write(json.dumps([story.id, i, labels, clip.narration]).encode() + b"\n")
                columns["text_at"].append(texts.tell())
    if not columns["video"]:
        raise InputError(f"its train split has no narrated clip in {language} of the domain {domain}", file=data)
    for name, kind in _COLUMNS.items():
        np.save(folder / f"{name}.npy", np.array(columns[name], kind))
    write_text(folder / "index.json", json.dumps({"format": FORMAT, "clips": len(columns["video"])}) + "\n")


def _videos(data: Folder, manifest: Manifest) -> Iterator[tuple[Story, np.ndarray, np.ndarray]]:
    samples = manifest.samples("train")
    with progress("training videos", len(samples)) as step:
        for number, entry in enumerate(samples):
            if number + AHEAD < len(samples):
                later = samples[number + AHEAD]
                announce(data / later.shard, later, whole=True)
            yield read_sample(data / entry.shard, entry, (manifest.tokens, manifest.width))
            step()


def _bits(labels: Labels) -> int:
    return sum(_BITS[label] for label in labels)
