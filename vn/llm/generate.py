"""Write a story clip by clip: label, then narration, each on the model's own earlier text (spec "Language path")."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, RepetitionPenaltyLogitsProcessor

from vn.errors import InputError
from vn.llm.packing import Packer, Row, collate
from vn.llm.tokens import SegmentTokenizer
from vn.narrator import VideoNarrator
from vn.prompt import PromptWriter, Written
from vn.story import Labels, Language, ScriptLabel, Story, format_labels, parse_labels

Storyline = Literal["predicted", "given"]

MOST_LABELS = 3  # joined by "+": at most 3 are seen in the data (spec "Task")


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class Decoding:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: at most this many for a narration, and for a free label (released: 100).
        temperature: 0 is greedy; above it, sampling (released: 0.1).
        top_k: sample among the k best (released: 50).
        repetition_penalty: on narrations, over all ids of the prompt (released: 1.1); 1 is none.
        constrain_labels: labels are the 12 and their ``+`` combinations only; False lets the model write anything,
            and what is no label counts as none.
        seed: with the video's id, seeds sampling, so that a story does not depend on which others are written.
    """

    max_new_tokens: int = 100
    temperature: float = 0.0
    top_k: int = 50
    repetition_penalty: float = 1.0
    constrain_labels: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class WrittenClip:
    """What the model wrote for a clip; `given` are the labels it was told to follow, if it was."""

    clip: int
    written: Written
    given: Labels | None


class LabelTrie:
    """Which tokens may follow within a script label, or labels joined by ``+``.

    Labels are tokenised as training tokenised them: the joined text as one segment, whatever the tokenizer merges.
    """

    def __init__(self, tokens: SegmentTokenizer, language: Language) -> None:
        self.root: dict[int, dict] = {}
        self.depth = 0  # tokens of the longest
        for count in range(1, MOST_LABELS + 1):
            for labels in itertools.permutations(ScriptLabel, count):
                node = self.root
                path = (*tokens.encode(format_labels(labels, language)), tokens.newline)
                self.depth = max(self.depth, len(path))
                for token in path:
                    node = node.setdefault(token, {})

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The tokens that may follow those written so far."""
        node = self.root
        for token in written:
            node = node[token]
        return list(node)


class StoryWriter:
    """Writes stories with a trained narrator.

    Args:
        narrator: the model, in evaluation mode.
        packer: builds its prompts.
        decoding: how tokens are chosen.
    """

    def __init__(self, narrator: VideoNarrator, packer: Packer, decoding: Decoding | None = None) -> None:
        self.narrator = narrator
        self.packer = packer
        self.tokens = packer.tokens
        self.decoding = decoding or Decoding()
        self._tries: dict[Language, LabelTrie] = {}

    @torch.inference_mode()
    def write(
        self,
        story: Story,
        frames: np.ndarray,
        seconds: np.ndarray,
        storyline: Storyline = "predicted",
        clips: Sequence[int] | None = None,
    ) -> list[WrittenClip]:
        """Narrate a video.

        Args:
            story: gives title, knowledge, clips and, with ``given``, their labels.
            frames: ``[F, T, D]``.
            seconds: ``[F]``.
            storyline: ``given`` follows the story's labels; ``predicted`` writes them first.
            clips: which to narrate; None takes those with a narration, or all when none has one.

        Raises:
            InputError: a clip without labels where they should be given.
        """
        clips = clips if clips is not None else (story.narrated or range(len(story.clips)))
        generator = torch.Generator().manual_seed(_seed(self.decoding.seed, story.id))
        done: list[WrittenClip] = []
        for clip in clips:
            given = story.clips[clip].labels if storyline == "given" and self.packer.storyline else None
            if storyline == "given" and self.packer.storyline and not given:
                raise InputError("no script label to follow", sample=story.id, field=f"clips[{clip}].labels")
            plan = self.packer.plan(story, frames, seconds, clip)
            earlier = [(each.clip, each.written) for each in done]
            row = self.packer.prompt(story, plan, clip, earlier, self._reserve(story.language))
            written = self._write_clip(story, clip, row, frames, given, generator)
            done.append(WrittenClip(clip, written, given))
        return done

    def _trie(self, language: Language) -> LabelTrie:
        if language not in self._tries:
            self._tries[language] = LabelTrie(self.tokens, language)
        return self._tries[language]

    def _label_tokens(self, language: Language) -> int:
        return self._trie(language).depth if self.decoding.constrain_labels else self.decoding.max_new_tokens

    def _reserve(self, language: Language) -> int:
        """Places to leave free behind a prompt for a label, the narration's lead and a narration."""
        lead = 8
        return self.decoding.max_new_tokens + (self._label_tokens(language) + lead if self.packer.storyline else 0)

    def _write_clip(
        self,
        story: Story,
        clip: int,
        row: Row,
        frames: np.ndarray,
        given: Labels | None,
        generator: torch.Generator,
    ) -> Written:
        decoder = _Decoder(self.narrator, row, frames, self.packer.frame_tokens)
        writer = PromptWriter(story, self.packer.template, self.packer.storyline)
        words = self.packer.words.range_of(story.clips[clip], story.language)
        labels: Labels | None = None
        if self.packer.storyline:
            if given is not None:
                labels = given
            else:
                labels = self._write_label(story.language, decoder, generator)
            # The label goes back in as text, as later clips and a re-encoded prompt read it.
            decoder.rewind()
            lead = writer.narration_lead(clip)
            texts = [*writer.label(labels), lead]
            decoder.read([i for s in texts for i in self.tokens.encode(s.text)])
        ids = self._decode(decoder, generator, self.decoding.max_new_tokens, penalty=self.decoding.repetition_penalty)
        return Written(words, labels, " ".join(self.tokens.decode(ids).split()))

    def _write_label(self, language: Language, decoder: _Decoder, generator: torch.Generator) -> Labels:
        allowed = self._trie(language).allowed if self.decoding.constrain_labels else None
        ids = self._decode(decoder, generator, self._label_tokens(language), allowed)
        text = self.tokens.decode(ids)
        try:
            return parse_labels(text)
        except InputError:
            return ()  # free labels may be none of the 12; the scores count them as wrong

    def _decode(
        self,
        decoder: _Decoder,
        generator: torch.Generator,
        most: int,
        allowed: Callable[[Sequence[int]], list[int]] | None = None,
        penalty: float = 1.0,
    ) -> list[int]:
        """At most so many tokens, up to a stop, which is left out."""
        new: list[int] = []
        for _ in range(most):
            token = self._choose(decoder, new, generator, allowed, penalty)
            if token in self.tokens.stops:
                break
            new.append(token)
            decoder.read([token])
        return new

    def _choose(
        self,
        decoder: _Decoder,
        new: list[int],
        generator: torch.Generator,
        allowed: Callable[[Sequence[int]], list[int]] | None,
        penalty: float,
    ) -> int:
        logits = decoder.logits.float()
        if penalty != 1.0:
            seen = torch.tensor([decoder.ids], device=logits.device)
            logits = RepetitionPenaltyLogitsProcessor(penalty)(seen, logits)
        if allowed is not None:
            keep = torch.tensor(allowed(new), device=logits.device)
            only = torch.full_like(logits, -torch.inf)
            logits = only.index_copy(1, keep, logits[:, keep])
        if self.decoding.temperature == 0:
            return int(logits.argmax())
        best, tokens = logits[0].topk(min(self.decoding.top_k, logits.shape[1]))
        odds = (best / self.decoding.temperature).softmax(0).cpu()
        return int(tokens[torch.multinomial(odds, 1, generator=generator)])


class _Decoder:
    """The model reading one row: a key-value cache, and the logits of what comes next."""

    def __init__(self, narrator: VideoNarrator, row: Row, frames: np.ndarray, frame_tokens: int) -> None:
        self.model = narrator.causal_lm
        self.device = narrator.projector.linear.weight.device
        self.ids = list(row.ids)
        self.prompt_length = len(row.ids)
        self.cache = DynamicCache()
        self.logits: Tensor
        batch = collate([(0, row)], [frames], frame_tokens, 0).to(self.device)
        visual = narrator.see(batch.frames, batch.weights, batch.positions)
        self._forward(inputs_embeds=narrator.embed(batch.ids, visual, batch.visual_places))
        self._prompt_logits = self.logits

    def read(self, ids: list[int]) -> None:
        """Append tokens."""
        self.ids += ids
        self._forward(input_ids=torch.tensor([ids], device=self.device))

    def rewind(self) -> None:
        """Forget everything after the prompt."""
        extra = len(self.ids) - self.prompt_length
        if extra:
            self.cache.crop(-extra)
            del self.ids[self.prompt_length :]
            self.logits = self._prompt_logits

    def _forward(self, **inputs: Tensor) -> None:
        output = self.model(**inputs, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.logits = output.logits[:, -1]


def _seed(seed: int, video: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{video}".encode()).digest()[:8], "big") >> 1
