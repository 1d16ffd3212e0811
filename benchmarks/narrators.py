"""Ways to write stories with one narrator: ours, the released procedure rebuilt, and HF's `generate` with its cache.

All write the same texts, the references, whatever the model would write: ours is given each token after choosing one as
usual; HF's `generate` writes exactly as many tokens of its own, and the next prompt has the reference. So each does its
full work on the same number of tokens. Greedy; the narrator has no LoRA, like merged ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import stories as s
import torch
from contestants import make_llm
from flops import Load, Shape
from hardware import CPU, Place
from torch import Tensor
from transformers import DynamicCache

from vn.generation.at_once import AtOnce
from vn.generation.clip_writer import ClipWriter
from vn.generation.decoder import Decoder, Read, Request, Slot, is_single, visual_tokens
from vn.generation.decoding import Decoding
from vn.generation.draft import Draft, VideoInput
from vn.generation.pool import Pool
from vn.generation.story_writer import StoryWriter
from vn.llm.attention import TREE
from vn.llm.norms import fuse_norms
from vn.llm.rows import Row, RowBuilder
from vn.narrator import VideoNarrator
from vn.prompt import PromptWriter
from vn.story import Story
from vn.visual.plan import VisualPlan

NEWLINE = 1  # a label and a narration end with one


def make_narrator(shape: Shape, place: Place = CPU, stock: bool = False, **others: Any) -> VideoNarrator:
    """Random weights of that shape; `stock`: transformers as it is."""
    llm = make_llm(shape, place, eos_token_id=None, pad_token_id=0, **others)
    if not stock:
        fuse_norms(llm)  # as `vn.llm.load` does
    with place.building():
        return VideoNarrator(llm, s.WIDTH).eval().requires_grad_(False)


def video_inputs(story: Story) -> VideoInput:
    """Four frames stand for the video: what they cost is a projection, the same for all."""
    frames = np.random.default_rng(0).normal(size=(s.FRAMES, s.TOKENS, s.WIDTH)).astype(np.float16)
    return VideoInput(story, frames, np.arange(s.FRAMES, dtype=np.float32))


class FourFrames(RowBuilder):
    """Gives each clip the same four visual frames."""

    def plan(self, *_: object, **__: object) -> VisualPlan:  # type: ignore[override]
        """One frame of memory and three of the clip."""
        return VisualPlan(np.eye(s.FRAMES, dtype=np.float32), 1)


def make_packer(shape: Shape) -> RowBuilder:
    """Of `stories.builder`, with four frames a clip."""
    builder = s.builder(shape.vocabulary)
    builder.__class__ = FourFrames
    return builder


@dataclass(slots=True)
class Count:
    """What went through the model."""

    load: Load = field(default_factory=lambda: Load(0, 0, 0))
    firsts: list[int] = field(default_factory=list)  # the first token that the model would say of each text
    passes: Counter[str] = field(default_factory=Counter)  # of ours, by what is read in them

    def prompt(self, tokens: int, before: int = 0, logits: int = 1, visual: int = 0) -> None:
        """Tokens behind others: half a square where nothing stands before, else the rectangle that a mask leaves."""
        pairs = tokens * (before + tokens) if before and tokens > 1 else tokens * before + tokens**2 / 2
        self.load += Load(tokens, pairs, logits, visual)


def prompts(builder: RowBuilder, story: Story, clip: int) -> tuple[Row, list[int], list[int], list[int]]:
    """A clip's prompt, and the ids of its label, of what leads to the narration, and of the narration."""
    earlier = [(i, builder.reference(story, i)) for i in story.narrated if i < clip]
    row = builder.prompt(story, builder.plan(), clip, earlier, 0)  # type: ignore[call-arg]
    writer = PromptWriter(story, builder.template)
    data = story.clips[clip]
    ids = [
        [i for segment in part for i in builder.tokens.encode(segment.text)]
        for part in (
            writer.label(data.labels or ()),
            [writer.narration_lead(clip)],
            writer.narration(data.narration or ""),
        )
    ]
    return row, ids[0], ids[1], ids[2]


def _embedded(narrator: VideoNarrator, row: Row, frames: np.ndarray, more: Sequence[int] = ()) -> Tensor:
    ids = torch.tensor([[*row.ids, *more]], device=narrator.mean.device)
    inputs = narrator.causal_lm.get_input_embeddings()(ids)
    visual = visual_tokens(narrator, row, frames)
    assert visual is not None
    inputs[0, row.visual : row.visual + len(visual)] = visual.to(inputs.dtype)
    return inputs


def _generate(narrator: VideoNarrator, inputs: Tensor, count: int, cache: DynamicCache | None = None) -> Tensor:
    """So many tokens by HF's greedy `generate`."""
    more = {"past_key_values": cache} if cache is not None else {}
    return narrator.causal_lm.generate(
        inputs_embeds=inputs,
        attention_mask=torch.ones(inputs.shape[:2], dtype=torch.long, device=inputs.device),
        min_new_tokens=count,
        max_new_tokens=count,
        do_sample=False,
        use_cache=True,
        **more,
    )[0]


@torch.inference_mode()
def released(narrator: VideoNarrator, builder: RowBuilder, story: Story, count: Count) -> None:
    """The released procedure: everything is read again for the label, and again for the narration."""
    narrator.causal_lm.set_attn_implementation("sdpa")
    video = video_inputs(story)
    for clip in story.narrated:
        row, label, lead, narration = prompts(builder, story, clip)
        for before, text in ((0, label), (len(label) + len(lead), narration)):
            inputs = _embedded(narrator, row, video.frames, [*label, *lead][:before])
            count.firsts.append(int(_generate(narrator, inputs, len(text))[0]))
    count_released(builder, story, count)


def count_released(builder: RowBuilder, story: Story, count: Count) -> None:
    """What the released procedure puts through the model."""
    for clip in story.narrated:
        row, label, lead, narration = prompts(builder, story, clip)
        for before, text in ((0, label), (len(label) + len(lead), narration)):
            tokens = len(row.ids) + before
            count.prompt(tokens, visual=s.FRAMES * s.TOKENS)
            for n in range(len(text) - 1):
                count.prompt(1, tokens + n)


@torch.inference_mode()
def cached(narrator: VideoNarrator, builder: RowBuilder, story: Story, count: Count) -> None:
    """HF's `generate` with its cache kept from label to narration, but not from clip to clip."""
    narrator.causal_lm.set_attn_implementation("sdpa")
    video = video_inputs(story)
    for clip in story.narrated:
        row, label, lead, narration = prompts(builder, story, clip)
        cache = DynamicCache()
        prompt = _embedded(narrator, row, video.frames)
        count.firsts.append(int(_generate(narrator, prompt, len(label), cache)[0]))
        cache.crop(-(cache.get_seq_length() - len(row.ids)))  # its own label: the reference's goes in instead
        inputs = _embedded(narrator, row, video.frames, [*label, *lead])
        count.firsts.append(int(_generate(narrator, inputs, len(narration), cache)[0]))
        count.prompt(len(row.ids), visual=2 * s.FRAMES * s.TOKENS)
        for n in range(len(label) - 1):
            count.prompt(1, len(row.ids) + n)
        count.prompt(inputs.shape[1] - len(row.ids), len(row.ids))
        for n in range(len(narration) - 1):
            count.prompt(1, inputs.shape[1] + n)


class _CountingDecoder(Decoder):
    def __init__(self, narrator: VideoNarrator, count: Count, static: bool | None) -> None:
        super().__init__(narrator, static)
        self.count = count

    def answer(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        for slot, request in asked:
            before = len(slot.ids)
            tried = request.ahead if isinstance(request, Read) else request
            if isinstance(request, Read):
                visual = len(request.visual) if request.visual is not None else 0
                self.count.prompt(len(request.ids), before, visual=visual)
                before += len(request.ids)
            if tried is not None:
                self.count.prompt(len(tried.ids), before, logits=len(tried.ids))
        return super().answer(asked)

    def _pass(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        if all(is_single(request) for _, request in asked):
            kind = "tokens"
        elif any(isinstance(request, Read) and request.visual is not None for _, request in asked):
            kind = "prompts"
        else:
            kind = "labels"
        self.count.passes[kind] += 1
        return super()._pass(asked)


class _ReferenceClips(ClipWriter):
    """Chooses each token as always, and is then given the reference's."""

    count: Count

    def __init__(self, narrator: VideoNarrator, builder: RowBuilder, decoding: Decoding) -> None:
        super().__init__(narrator, builder, decoding)
        self._texts: dict[tuple[str, int], tuple[list[int], list[int]]] = {}

    def _pick(self, draft, logits, written):  # type: ignore[no-untyped-def]
        chosen = yield from super()._pick(draft, logits, written)
        if not written:
            self.count.firsts.append(chosen)
        return self._reference(draft)[1][len(written)]

    def _pick_from(self, draft, logits, written, allowed) -> int:  # type: ignore[no-untyped-def]
        super()._pick_from(draft, logits, written, allowed)
        if not written:
            self.count.firsts.append(-1)
        return self._reference(draft)[0][len(written)]

    def _reference(self, draft: Draft) -> tuple[list[int], list[int]]:
        place = draft.story.id, draft.clips[0]
        if place not in self._texts:
            clip = draft.story.clips[place[1]]
            parts = draft.writer.label(clip.labels), draft.writer.narration(clip.narration)
            label, narration = ([i for x in part for i in self.tokens.encode(x.text)] for part in parts)
            self._texts[place] = label, narration
        return self._texts[place]


class ReferenceWriter(StoryWriter):
    """A story writer whose clips get the reference's tokens."""

    def __init__(self, narrator: VideoNarrator, builder: RowBuilder, static: bool | None = None) -> None:
        longest = Decoding(max_new_tokens=400)  # longer than any reference
        super().__init__(narrator, builder, longest, static)
        self._clips: _ReferenceClips = _ReferenceClips(narrator, builder, self.decoding)

    @property
    def count(self) -> Count:
        """What is counted."""
        return self._clips.count

    @count.setter
    def count(self, count: Count) -> None:
        self._clips.count = count

    def pool(self, at_once: AtOnce, usual: int = 16) -> Pool:
        rows = usual if at_once == "auto" else at_once
        return Pool(_CountingDecoder(self.narrator, self.count, self.static), rows)


def ours(writer: ReferenceWriter, stories: Sequence[Story], count: Count, at_once: int) -> None:
    """Ours, that many videos at once."""
    builder = writer.builder
    writer.narrator.causal_lm.set_attn_implementation(TREE)
    writer.count = count
    written = writer.write_all([video_inputs(story) for story in stories], at_once=at_once)
    for story, clips in zip(stories, written, strict=True):
        assert [each.written.narration for each in clips] == [
            builder.tokens.narration(builder.tokens.encode(story.clips[i].narration or "")) for i in story.narrated
        ]
