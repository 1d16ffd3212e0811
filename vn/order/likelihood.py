"""The order in which a trained narrator finds its labels and narrations the most probable.

log P(order) = sum over clips of  log P(label, narration | text of the clips before, memory of their frames, this clip's
frames, its relative position)  +  what training stories say of label after label (`vn.order.label_order`).

A narrator knows what to say about frames, not which frames come when. So its probability has what depends on the place:
labels that fit one half of a video only, points of the knowledge list that are used up, things that are recalled. What
comes when is in the labels of the training stories; `docs/ordering.md` has what each part gives.

One step of the search is one pass of the model: each beginning has a slot of the cache with its text, and every clip
that may come next is a fork of it (`vn.generation.decoder.Fork`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np
import torch

from vn.adapter import Assembly
from vn.errors import InputError
from vn.generation.decoder import Decoder, Fork, Read, Request, Slot, visual_tokens
from vn.llm.rows import RowBuilder
from vn.order.clips import Clips
from vn.order.label_order import LabelOrder
from vn.order.search import Found, search
from vn.order.votes import Order
from vn.prompt import Written
from vn.visual.plan import VisualPlans


@dataclass(frozen=True, slots=True)
class LikelihoodSettings:
    """How probabilities are weighed; chosen on the validation videos of the demo (docs/ordering.md).

    Attributes:
        width: beginnings per step.
        label: weight of the log probability of labels.
        narration: weight of that of narrations.
        transitions: weight of that of label after label in training stories; 0: the narrator alone.
        doubt: share of its probability that a label gets whatever the narrator says, so that none is impossible.
    """

    width: int = 16
    label: float = 1.0
    narration: float = 1.0
    transitions: float = 1.0
    doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class Scored:
    """The log probabilities of a clip's label and narration, each with the newline that ends it."""

    label: float
    narration: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A clip that may come next: its ids up to the narration, where its frames are, and what is scored."""

    ids: list[int]
    visual_at: int
    visual: torch.Tensor | None
    label: range
    narration: range


class Likelihood:
    """Scores orders with a narrator.

    Args:
        assembly: the narrator, in evaluation mode.
        settings: weights and width.

    Attributes:
        decoder: reads; counts passes.

    Raises:
        InputError: the narrator has no storyline, or sees the whole video for every clip.
    """

    def __init__(self, assembly: Assembly, settings: LikelihoodSettings | None = None) -> None:
        self.settings = settings or LikelihoodSettings()
        self.builder: RowBuilder = assembly.builder
        self._narrator = assembly.narrator
        if not self.builder.storyline:
            raise InputError("the narrator was trained without a storyline, and its labels are needed", field="storyline")
        if self.builder.shared_frames is not None:
            message = "the narrator is shown the whole video for every clip, and so would know the order"
            raise InputError(message, field="visual.scope")
        self.decoder = Decoder(assembly.narrator, static=False)
        self._slots: list[Slot] = []

    def order(self, clips: Clips, known: LabelOrder | None) -> Found:
        """Search the order of clips that have labels and narrations.

        Args:
            clips: the clips, with their frames.
            known: what training stories say; None if its weight is 0.

        Raises:
            InputError: a clip has no label or narration, or does not fit into the context.
        """
        labels = clips.labels
        for number, clip in enumerate(clips.story.clips):
            if clip.narration is None:
                raise InputError("has no narration", sample=clips.story.id, field=f"clips[{number}].narration")
        means = [self.builder.means(each.features) for each in clips.frames]
        after = known.next(labels) if known is not None and self.settings.transitions else None

        def score(beginnings: Sequence[Order]) -> list[dict[int, float]]:
            found = self.score(clips, beginnings, means)
            prior = after(beginnings) if after is not None else [dict.fromkeys(each, 0.0) for each in found]
            return [
                {clip: self._weighed(scored) + self.settings.transitions * before[clip] for clip, scored in own.items()}
                for own, before in zip(found, prior, strict=True)
            ]

        return search(len(clips), score, self.settings.width)

    def _weighed(self, scored: Scored) -> float:
        settings = self.settings
        label = math.log((1 - settings.doubt) * math.exp(scored.label) + settings.doubt + 1e-30)
        return settings.label * label + settings.narration * scored.narration

    @torch.inference_mode()
    def score(
        self, clips: Clips, beginnings: Sequence[Order], means: Sequence[np.ndarray]
    ) -> list[Mapping[int, Scored]]:
        """The log probabilities of every clip that may come next, in one pass if memory allows.

        Args:
            clips: the clips.
            beginnings: orders of some of the clips; there is no clip in all of them, and none is complete.
            means: token means of each clip's frames (`vn.llm.rows.RowBuilder.means`).
        """
        asked: list[tuple[Slot, Request]] = []
        every: list[dict[int, _Candidate]] = []
        free = [*self._slots]
        for order in beginnings:
            left = [clip for clip in range(len(clips)) if clip not in order]
            own = {clip: self._candidate(clips, order, clip, left, means) for clip in left}
            every.append(own)
            # Where a prompt was cut to fit, candidates differ in the text before them; a fork then begins with it.
            first = min(each.visual_at for each in own.values())
            trunk = commonprefix([each.ids[:first] for each in own.values()])
            slot = self._slot(trunk, free)
            at = len(trunk)
            forks = [
                Fork(
                    each.ids[at:],
                    [n - at - 1 for n in (*each.label, *each.narration)],
                    each.visual,
                    each.visual_at - at,
                )
                for each in own.values()
            ]
            asked.append((slot, Read(trunk[len(slot.ids) :], forks=forks)))
        found: list[Mapping[int, Scored]] = []
        for logits, own in zip(self.decoder.answer(asked), every, strict=True):
            targets = [each.ids[n] for each in own.values() for n in (*each.label, *each.narration)]
            odds = logits[1:].log_softmax(dim=1).gather(1, torch.tensor(targets, device=logits.device)[:, None])[:, 0]
            sizes = [size for each in own.values() for size in (len(each.label), len(each.narration))]
            sums = [float(part.sum()) for part in odds.cpu().split(sizes)]
            found.append({clip: Scored(*sums[2 * n : 2 * n + 2]) for n, clip in enumerate(own)})
        return found

    def _slot(self, trunk: Sequence[int], free: list[Slot]) -> Slot:
        """The free slot that has read the most of a text; what else it has read is forgotten."""
        if not free:
            self._slots.append(Slot(len(self._slots)))
            free.append(self._slots[-1])
        shared = [len(commonprefix([slot.ids, [*trunk[:-1]]])) for slot in free]  # at least one id is read
        best = max(range(len(free)), key=shared.__getitem__)
        slot = free.pop(best)
        slot.keep(shared[best])
        return slot

    def _candidate(
        self, clips: Clips, order: Order, clip: int, left: Sequence[int], means: Sequence[np.ndarray]
    ) -> _Candidate:
        builder, here = self.builder, len(order)
        so_far = (*order, clip)
        story = clips.arranged((*so_far, *(other for other in left if other != clip)))
        shown = clips.arranged(so_far)
        seconds = clips.seconds(so_far)
        plan = VisualPlans(
            np.concatenate([means[i] for i in so_far]), seconds, shown, builder.visual, builder.threshold
        ).plan(here)
        texts = [builder.reference(shown, number) for number in range(here + 1)]
        earlier: list[tuple[int, Written]] = list(enumerate(texts[:here]))
        writer = builder.writer(story)
        labels, lead, narration = (
            [i for segment in segments for i in builder.ids(segment)]
            for segments in (
                writer.label(texts[here].labels or ()),
                [writer.narration_lead(here)],
                writer.narration(texts[here].narration),
            )
        )
        row = builder.prompt(story, plan, here, earlier, len(labels) + len(lead) + len(narration))
        begin = len(row.ids)
        told = begin + len(labels) + len(lead)
        features = np.concatenate([clips.frames[i].features for i in so_far])
        return _Candidate(
            [*row.ids, *labels, *lead, *narration],
            row.visual,
            visual_tokens(self._narrator, row, features),
            range(begin, begin + len(labels)),
            range(told, told + len(narration)),
        )
