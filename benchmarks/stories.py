"""The stories of the training benchmark: real text lengths, with made-up words if no real stories are available."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vn.card import NarratorCard
from vn.data.readers import esyncvidstory
from vn.data.readers.source import ReadContext
from vn.data.shard_entries import SampleEntry
from vn.data.shard_writer import ShardWriter
from vn.llm.rows import Row, RowBuilder
from vn.llm.tokens import SegmentTokenizer
from vn.prompt import PromptWriter
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRangeRule
from vn.template import Template
from vn.visual.plan import VisualPlan

FRAMES, TOKENS, WIDTH = 4, 32, 768  # one frame of memory and three of the clip, as BLIP-2's Q-Former gives them


class CharacterTokenizer:
    """One token a character: about what Chinese costs a Chinese language model, for any vocabulary."""

    bos_token_id, eos_token_id, pad_token_id = 1, None, 0
    all_special_ids = (0, 1)

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def __len__(self) -> int:
        return self.vocabulary

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [2 if c == "\n" else 3 + ord(c) % (self.vocabulary - 3) for c in text]}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return ["\n" if i == 2 else "x" for i in ids]

    def decode(self, ids: list[int], **_: object) -> str:
        """A text that has these ids again, of Chinese characters whatever they were made from."""
        size = self.vocabulary - 3
        return "".join("\n" if i == 2 else chr(0x4E00 + (i - 3 - 0x4E00) % size) for i in ids if i > 1)

    def batch_decode(self, ids: list[list[int]]) -> list[str]:
        return ["".join(self.convert_ids_to_tokens(each)) for each in ids]


def real_stories() -> list[Story] | None:
    """The annotated stories in the folder that VN_REAL_DATA names, if there is one."""
    file = Path(os.environ.get("VN_REAL_DATA", "")) / "esyncvidstory_sample.json"
    if "VN_REAL_DATA" not in os.environ or not file.exists():
        return None
    return [source.story for source in esyncvidstory.read(file, ReadContext("ad"))]


def letters(length: float, random: np.random.Generator) -> str:
    """So many Chinese characters at random."""
    return "".join(chr(c) for c in random.integers(0x4E00, 0x9FA5, int(length)))


def lengths_of(story: Story) -> dict[str, Any]:
    """How long a story's texts are, without the texts."""
    return {
        "title": len(story.title),
        "knowledge": [[len(each.aspect), [len(point) for point in each.points]] for each in story.knowledge],
        "clips": [
            {
                "start": clip.start,
                "end": clip.end,
                "labels": [len(label.zh) for label in clip.labels or ()],
                "narration": None if clip.narration is None else len(clip.narration),
            }
            for clip in story.clips
        ],
    }


def story_of_lengths(lengths: dict[str, Any], seed: int) -> Story:
    """A story with random characters, as long as another one's (`lengths_of`)."""
    random = np.random.default_rng(seed)
    knowledge = [
        Knowledge(letters(aspect, random), tuple(letters(n, random) for n in points))
        for aspect, points in lengths["knowledge"]
    ]
    clips = []
    for clip in lengths["clips"]:
        labels: list[ScriptLabel] = []
        for length in clip["labels"]:
            labels.append(next(x for x in ScriptLabel if len(x.zh) == length and x not in labels))
        narration = clip["narration"] and letters(clip["narration"], random)
        clips.append(Clip(clip["start"], clip["end"], tuple(labels), narration))
    return Story(f"lengths-{seed}", letters(lengths["title"], random), "zh", "ad", tuple(knowledge), tuple(clips))


def made_up_story(clips: int, seed: int = 0) -> Story:
    """A story with the mean lengths of 40 real ones: title 32 characters, knowledge 314, narrations 32 (7 to 111)."""
    random = np.random.default_rng(seed)

    def text(length: float) -> str:
        return letters(length, random)

    narrations = np.clip(random.lognormal(3.36, 0.45, clips), 7, 111)
    knowledge = tuple(Knowledge(text(4), tuple(text(6) for _ in range(4))) for _ in range(10))
    labels = list(ScriptLabel)
    parts = [Clip(6.0 * i, 6.0 * i + 6, (labels[i % 12],), text(n)) for i, n in enumerate(narrations)]
    return Story(f"made-up-{clips}-{seed}", text(32), "zh", "ad", knowledge, tuple(parts))


def first_clips(story: Story, count: int) -> Story:
    """A story up to its clip that is the so-manieth narrated one."""
    return replace(story, clips=story.clips[: story.narrated[min(count, len(story.narrated)) - 1] + 1])


def stories(lengths: Path | None = None) -> tuple[list[Story], str]:
    """Forty stories, and what they are; those of a file of lengths (`lengths_of`) if there is one."""
    if lengths is not None and lengths.exists():
        known = json.loads(lengths.read_text(encoding="utf-8"))
        return [story_of_lengths(each, n) for n, each in enumerate(known["stories"])], f"the lengths of {known['what']}"
    real = real_stories()
    if real is not None:
        return real, f"{len(real)} real stories of E-SyncVidStory"
    counts = np.clip(np.random.default_rng(0).normal(6.8, 2.2, 40).round(), 3, 12).astype(int)
    return [made_up_story(int(n), seed) for seed, n in enumerate(counts)], "40 made-up stories of real lengths"


def builder(vocabulary: int) -> RowBuilder:
    """Builds rows with the Chinese template."""
    template = Template.load("ad-zh")
    card = NarratorCard(
        base_model="",
        base_sha256="",
        word_range=WordRangeRule("reference"),
        template_sha256=template.sha256,
        language="zh",
        threshold=0.9,
        tokens=TOKENS,
        width=WIDTH,
        standardise=False,
        encoder={},
        max_length=1 << 20,
    )
    return RowBuilder(SegmentTokenizer(CharacterTokenizer(vocabulary)), template, card)  # type: ignore[arg-type]


def rows(story: Story, builder: RowBuilder) -> list[Row]:
    """The rows of a story's narrated clips, each with four visual frames."""
    plan = VisualPlan(np.eye(FRAMES, dtype=np.float32), 1)
    return [builder.training_row(story, plan, clip) for clip in story.narrated]


def with_later_text(story: Story, builder: RowBuilder, row: Row) -> Row:
    """The row as the release trains it: the text of the later clips stands behind it, seen by no supervised token."""
    later = [(i, builder.reference(story, i)) for i in story.narrated if i > row.clip]
    segments = PromptWriter(story, builder.template).earlier(later)
    return replace(row, ids=[*row.ids, *(i for s in segments for i in builder.tokens.encode(s.text))])


def write_shard(stories: Sequence[Story], file: Path) -> list[SampleEntry]:
    """Stories with random features of the size that the paper's encoder gives: a frame a second."""
    random = np.random.default_rng(0)
    with open(file, "wb") as opened:
        writer = ShardWriter(opened, file.name, 0)
        for story in stories:
            count = max(1, int(max(clip.end for clip in story.clips)))
            features = random.standard_normal((count, TOKENS, WIDTH), np.float32).astype(np.float16)
            writer.add(story, features, np.arange(count, dtype=np.float32), None)
        return list(writer.close().samples)
