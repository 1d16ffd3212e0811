"""Script labels as the model writes them: the 12 and their ``+`` combinations, and their probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from vn.errors import InputError
from vn.generation.decoder import Try, Work
from vn.generation.drafts import Line, read
from vn.llm.slots import put
from vn.llm.tokens import SegmentTokenizer
from vn.story import Labels, Language, ScriptLabel, format_labels
from vn.written import LabelOdds

MOST_LABELS = 3  # joined by "+": at most 3 are seen in the data (docs/method.md#script-labels)

Pick = Callable[[Tensor, Sequence[int], Sequence[int]], int]
"""Chooses a token: from the logits ``[n]`` of those allowed, the tokens written so far, and those allowed."""


@dataclass(slots=True)
class Node:
    """A prefix of labels: the tokens that may follow, the first labels it may become, and at an end, its labels."""

    children: dict[int, Node] = field(default_factory=dict)
    firsts: set[ScriptLabel] = field(default_factory=set)
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class WrittenLabels:
    """Labels that were written.

    Attributes:
        labels: the labels.
        odds: the probability of each of the 12 as the first of them.
        rest: ids of labels and newline that are not in the cache yet; those of newline and lead if `after` is known.
        after: what follows labels and lead, if these were read ahead.
    """

    labels: Labels
    odds: LabelOdds
    rest: list[int]
    after: Line | None = None


class LabelTrie:
    """Which tokens may follow within a script label, or labels joined by ``+``.

    Labels are tokenised as in training: the joined text as one segment, whatever the tokenizer merges.
    If only one token may follow, the model is not run.

    Args:
        tokens: the language model's segment tokenizer.
        language: language of the labels' names.

    Attributes:
        depth: number of tokens of the longest.
        ahead: what to try after a prompt: all positions at which the first label is decided.

    Raises:
        InputError: the tokenizer has the same ids for two labels.
    """

    def __init__(self, tokens: SegmentTokenizer, language: Language) -> None:
        self.root = Node()
        self.depth = 0
        self._end = tokens.newline
        self._place: dict[int, int] = {}  # a number for each token that occurs
        for count in range(1, MOST_LABELS + 1):
            for labels in itertools.permutations(ScriptLabel, count):
                path = (*tokens.encode(format_labels(labels, language)), tokens.newline)
                self.depth = max(self.depth, len(path))
                node = self.root
                for token in path:
                    self._place.setdefault(token, len(self._place))
                    node.firsts.add(labels[0])
                    node = node.children.setdefault(token, Node())
                if node.labels is not None:
                    one, two = (format_labels(x, language) for x in (node.labels, labels))
                    raise InputError(f"the base model's tokenizer cannot tell the labels {one!r} and {two!r} apart")
                node.firsts.add(labels[0])
                node.labels = labels
        # The positions at which the first label is decided, and what has to be read to get there.
        self._forks: list[tuple[int, ...]] = []
        self._find(self.root, ())
        prefixes = {path[:n] for path in self._forks for n in range(1, len(path) + 1)}
        self._tried = sorted(prefixes, key=lambda path: (len(path), path))
        place = {path: n for n, path in enumerate(self._tried)}
        paths = [[place[path[:n]] for n in range(1, len(path) + 1)] for path in self._tried]
        self.ahead = Try([path[-1] for path in self._tried], paths) if paths else None

    def _own(self, logits: Tensor) -> Tensor:
        """The logits ``[n, V]`` of the trie's tokens only, on the CPU."""
        return logits[:, put([*self._place], logits.device)].cpu()

    def _of(self, logits: Tensor, tokens: Sequence[int]) -> Tensor:
        """The logits of some of the trie's tokens."""
        return logits[[self._place[token] for token in tokens]]

    def _find(self, node: Node, path: tuple[int, ...]) -> None:
        if len(node.firsts) > 1:
            if path and len(node.children) > 1:
                self._forks.append(path)
            for token, child in node.children.items():
                self._find(child, (*path, token))

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The tokens that may follow those written so far."""
        node = self.root
        for token in written:
            node = node.children[token]
        return list(node.children)

    def write(
        self,
        logits: Tensor,
        pick: Pick,
        lead: Sequence[int] | None = None,
        guess: Callable[[Sequence[int]], Sequence[int]] = lambda ids: (),
    ) -> Work[WrittenLabels]:
        """Write labels; yields what is to be read.

        Args:
            logits: ``[1 + n, V]`` after the prompt, and after each token that was tried `ahead`.
            pick: chooses if several tokens may follow.
            lead: ids that will be read after the labels, if any: wherever the labels may end, these are read ahead.
            guess: guesses what follows labels and lead, which is read ahead with them.
        """
        known: dict[tuple[int, ...], Tensor] = dict(zip([(), *self._tried], self._own(logits), strict=True))
        odds = self._odds(known)
        node, done = self.root, 0  # how many tokens were read
        written: list[int] = []
        end: list[int] = []  # newline and lead, if they were read ahead
        after: Line | None = None
        while node.labels is None:
            allowed = list(node.children)
            token = allowed[0]
            if len(allowed) > 1:
                if tuple(written) not in known:
                    end = [self._end, *lead] if lead is not None and self._end in allowed else []
                    guessed = guess([*written, *end]) if end else ()
                    answer = yield read(written[done:], [*end, *guessed])
                    known[tuple(written)] = self._own(answer[:1])[0]
                    after = Line(answer[len(end) :], guessed) if end else None
                    done = len(written)
                token = pick(self._of(known[tuple(written)], allowed), written, allowed)
            written.append(token)
            node = node.children[token]
        if end and written[done:] == [self._end]:
            return WrittenLabels(node.labels, odds, end, after)
        return WrittenLabels(node.labels, odds, written[done:])

    def _odds(self, known: dict[tuple[int, ...], Tensor]) -> LabelOdds:
        found = dict.fromkeys(ScriptLabel, 0.0)

        def spread(node: Node, path: tuple[int, ...], share: float) -> None:
            if len(node.firsts) == 1:
                found[next(iter(node.firsts))] += share
                return
            tokens = list(node.children)
            shares = self._of(known[path], tokens).softmax(dim=0).tolist() if len(tokens) > 1 else [1.0]
            for token, part in zip(tokens, shares, strict=True):
                spread(node.children[token], (*path, token), share * part)

        spread(self.root, (), 1.0)
        return tuple(sorted(found.items(), key=lambda each: -each[1]))
